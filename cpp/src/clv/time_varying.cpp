#include "tenure/clv/time_varying.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "time_varying_clock.hpp"

namespace tenure::clv {
namespace {

using namespace time_varying;

constexpr std::int64_t kBlock = 64;  // of customers: about a millisecond

void require_columns(std::span<const std::int64_t> columns, std::int64_t known, const char* what) {
  for (const std::int64_t c : columns)
    if (c < 0 || c >= known)
      throw InvalidInput(what, -1, static_cast<double>(c), "a column of the design");
}

/// A power of two that brings the longest T into [1, 2).
double time_scale(const RepeatPurchases& purchases) {
  double longest = 0.0;
  for (const double t : purchases.age) longest = std::max(longest, t);
  return longest > 0.0 ? std::ldexp(1.0, -std::clamp(std::ilogb(longest), -1000, 1000)) : 1.0;
}

optim::Evaluation evaluate(TimeVaryingModel model, std::span<const double> point,
                           const RepeatPurchases& purchases, const CovariatePeriods& periods,
                           double scale, const Execution& execution) {
  const auto multiplier = multipliers(periods, point.subspan(4), execution);
  const Setting at{purchases,
                   periods,
                   scale,
                   {std::exp(point[0]), std::exp(point[1]), std::exp(point[2]), std::exp(point[3])},
                   point.subspan(4),
                   multiplier};
  const auto part = model == TimeVaryingModel::pareto_nbd ? pareto_nbd_sums : bg_nbd_sums;
  const Sums sums = block_reduce(
      purchases.rows(), execution, Sums{std::vector<double>(at.size(), 0.0)},
      [&](std::int64_t from, std::int64_t to) { return part(at, from, to); }, kBlock);
  const std::size_t n = at.coordinates();
  optim::Evaluation e;
  e.value = sums.of[0];
  e.gradient.assign(sums.of.begin() + 1, sums.of.begin() + 1 + static_cast<std::ptrdiff_t>(n));
  e.hessian.resize(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      e.hessian[i * n + j] = e.hessian[j * n + i] = sums.of[1 + n + packed(i, j)];
  return e;
}

void require_point(TimeVaryingModel model, std::span<const double> parameters,
                   const CovariatePeriods& periods) {
  if (parameters.size() != 4)
    throw InvalidInput("parameters", -1, static_cast<double>(parameters.size()), "four");
  for (const double p : parameters)
    if (!(std::isnormal(p) && p > 0.0)) throw InvalidInput("parameters", -1, p, "finite and > 0");
  if (model == TimeVaryingModel::bg_nbd && !periods.by_dropout.empty())
    throw InvalidInput("by_dropout", -1, static_cast<double>(periods.by_dropout.size()),
                       "empty, as nobody leaves between purchases");
}

/// The second and fourth parameter of the Pareto/NBD are times, of the BG/NBD the second.
bool is_time(TimeVaryingModel model, std::size_t q) {
  return q == 1 || (q == 3 && model == TimeVaryingModel::pareto_nbd);
}

}  // namespace

Multipliers time_varying::multipliers(const CovariatePeriods& p,
                                      std::span<const double> coefficients,
                                      const Execution& execution) {
  const std::size_t of_purchase = p.by_purchase.size();
  if (std::ssize(coefficients) != p.coefficients())
    throw InvalidInput("coefficients", -1, static_cast<double>(coefficients.size()),
                       "one for each column that counts");
  Multipliers out{Buffer<double>(p.rows()), Buffer<double>(p.rows())};
  for_each_block(p.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const double* const z = p.design.data() + i * p.columns;
      double buy = 0.0, leave = 0.0;
      for (std::size_t c = 0; c < of_purchase; ++c) buy += coefficients[c] * z[p.by_purchase[c]];
      for (std::size_t c = 0; c < p.by_dropout.size(); ++c)
        leave += coefficients[of_purchase + c] * z[p.by_dropout[c]];
      out.purchase[i] = std::exp(buy);
      out.dropout[i] = std::exp(leave);
    }
  });
  return out;
}

void time_varying::require_numbers(const Multipliers& multipliers) {
  constexpr double kLargest = 1e260;
  for (const auto* of : {&multipliers.purchase, &multipliers.dropout})
    for (const double m : of->span())
      if (!(m <= kLargest && m >= 1.0 / kLargest))
        throw InvalidInput(
            "covariates", -1, m,
            "such that e^(coefficients times covariates) is within 1e-260 and 1e260");
}

void require_valid(const CovariatePeriods& p, const RepeatPurchases& purchases, double ahead,
                   const Execution& execution) {
  const auto customers = static_cast<std::size_t>(purchases.rows());
  if (p.columns < 1)
    throw InvalidInput("columns", -1, static_cast<double>(p.columns), "at least 1");
  if (std::ssize(p.design) % p.columns != 0)
    throw InvalidInput("design", -1, static_cast<double>(p.design.size()),
                       "of whole rows of `columns` values");
  if (!(p.length > 0.0 && std::isfinite(p.length)))
    throw InvalidInput("length", -1, p.length, "finite and > 0");
  if (p.first.size() != customers || p.end.size() != customers || p.phase.size() != customers ||
      p.at_purchases.size() != customers * static_cast<std::size_t>(p.columns))
    throw InvalidInput("first", -1, static_cast<double>(p.first.size()), "of one row a customer");
  require_columns(p.by_purchase, p.columns, "by_purchase");
  require_columns(p.by_dropout, p.columns, "by_dropout");
  for_each_block(p.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from * p.columns; i < to * p.columns; ++i)
      if (!std::isfinite(p.design[i]))
        throw InvalidInput("design", i / p.columns, p.design[i], "finite");
  });
  const double tolerance = 1e-9 * p.length;
  for_each_block(
      purchases.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) {
          if (p.first[i] < 0 || p.first[i] >= p.end[i] || p.end[i] > p.rows())
            throw InvalidInput("first", i, static_cast<double>(p.first[i]), "a row of the design");
          if (!(p.phase[i] >= 0.0 && p.phase[i] <= p.length))
            throw InvalidInput("phase", i, p.phase[i], "within a period");
          const double reach = static_cast<double>(p.end[i] - p.first[i]) * p.length - p.phase[i];
          if (!(purchases.age[i] + ahead <= reach + tolerance))
            throw InvalidInput("periods", i, reach, "such that they reach the end of the horizon");
          for (std::int64_t c = i * p.columns; c < (i + 1) * p.columns; ++c)
            if (!std::isfinite(p.at_purchases[c]))
              throw InvalidInput("at_purchases", i, p.at_purchases[c], "finite");
        }
      });
}

optim::Evaluation time_varying_log_likelihood(TimeVaryingModel model,
                                              std::span<const double> parameters,
                                              std::span<const double> coefficients,
                                              const RepeatPurchases& purchases,
                                              const CovariatePeriods& periods,
                                              const Execution& execution) {
  require_point(model, parameters, periods);
  require_valid(purchases, execution);
  require_valid(periods, purchases, 0.0, execution);
  require_numbers(multipliers(periods, coefficients, execution));
  const double scale = time_scale(purchases);
  std::vector<double> point(4 + coefficients.size());
  double bought = 0.0;
  for (std::size_t q = 0; q < 4; ++q)
    point[q] = std::log(parameters[q]) + (is_time(model, q) ? std::log(scale) : 0.0);
  std::copy(coefficients.begin(), coefficients.end(), point.begin() + 4);
  for (std::int64_t i = 0; i < purchases.rows(); ++i)
    bought += (purchases.weight ? (*purchases.weight)[i] : 1.0) * purchases.frequency[i];
  optim::Evaluation e = evaluate(model, point, purchases, periods, scale, execution);
  e.value += bought * std::log(scale);
  return e;
}

Fit fit_time_varying(TimeVaryingModel model, std::span<const double> start,
                     const RepeatPurchases& purchases, const CovariatePeriods& periods,
                     const FitOptions& options, const Execution& execution) {
  require_point(model, start, periods);
  require_valid(purchases, execution);
  require_valid(periods, purchases, 0.0, execution);
  const double scale = time_scale(purchases);
  double customers = 0.0, bought = 0.0, age = 0.0, longest = 0.0;
  for (std::int64_t i = 0; i < purchases.rows(); ++i) {
    const double w = purchases.weight ? (*purchases.weight)[i] : 1.0;
    customers += w;
    bought += w * purchases.frequency[i];
    age += w * (purchases.age[i] * scale);
    longest = std::max(longest, purchases.age[i] * scale);
  }
  if (!(customers > 0.0))
    throw InvalidInput("weight", -1, customers, "greater than 0 in at least one row");
  if (!std::isfinite(customers) || !std::isfinite(bought))
    throw InvalidInput("weight", -1, bought, "such that sums over the rows are finite");
  const auto mean = [&](std::span<const double> point, std::int64_t) {
    optim::Evaluation e = evaluate(model, point, purchases, periods, scale, execution);
    const double factor = -1.0 / customers;
    e.value *= factor;
    for (double& g : e.gradient) g *= factor;
    for (double& h : e.hessian) h *= factor;
    return e;
  };

  const double mean_age = age > 0.0 ? age / customers : 1.0;
  const double rate = 1.5 * std::max(bought, 1e-3 * customers) / customers;
  const double in_tenths = longest > 0.0 ? 10.0 / longest : 1.0;
  ModelScales scales{
      .parameter = {}, .penalty = {}, .log_likelihood_shift = bought * std::log(scale)};
  std::vector<double> near, middle;
  for (std::size_t q = 0; q < 4; ++q) {
    const bool time = is_time(model, q);
    scales.parameter.push_back(time ? 1.0 / scale : 1.0);
    scales.penalty.push_back(time ? in_tenths : 1.0);
    near.push_back(std::clamp(std::log(start[q]) + (time ? std::log(scale) : 0.0), -8.0, 8.0));
    middle.push_back(q == 1 ? std::log(0.5 * mean_age / rate) : time ? std::log(mean_age) : 0.0);
  }
  near.resize(4 + static_cast<std::size_t>(periods.coefficients()), 0.0);
  middle.resize(near.size(), 0.0);
  // A stage on a part of the rows would not pay: there are few starts, and the first one is near.
  return maximise(mean, {near, middle}, scales, customers, 0, options);
}

}  // namespace tenure::clv
