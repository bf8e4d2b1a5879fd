#include "tenure/clv/contract_covariates.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "contract_rows.hpp"
#include "covariate_patterns.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

using survival::BetaGeometric;
using survival::RenewalInterval;

constexpr std::int64_t kBlock = 256;  // patterns

/// What a likelihood needs of the customers, pattern by pattern.
struct Sample {
  AlikeRows alike;
  std::vector<std::vector<RenewalInterval>> intervals;  ///< by pattern
  double customers = 0.0;
};

/// Customers alike in covariates and renewals are one: kept up to their age, then perhaps lost.
std::vector<RenewalInterval> intervals_of(std::span<const std::int64_t> rows,
                                          const RenewalHistory& h) {
  // Copies: a caller's thread that writes in between must not move what is sorted.
  struct Customer {
    double renewals, weight;
    bool churned;
  };
  std::vector<Customer> sorted;
  sorted.reserve(rows.size());
  for (const std::int64_t row : rows) {
    const auto at = static_cast<std::size_t>(row);
    const double n = h.renewals[at];
    if (n >= 0.0) sorted.push_back({n, h.weight ? (*h.weight)[at] : 1.0, h.churned[at] != 0});
  }
  std::ranges::stable_sort(sorted, {}, &Customer::renewals);
  std::vector<RenewalInterval> out;
  for (std::size_t i = 0; i < sorted.size();) {
    const double n = sorted[i].renewals;
    double all = 0.0, lost = 0.0;
    for (; i < sorted.size() && sorted[i].renewals == n; ++i) {
      all += sorted[i].weight;
      if (sorted[i].churned) lost += sorted[i].weight;
    }
    if (n > 0.0 && all > 0.0) out.push_back({0.0, n, all, 0.0});
    if (lost > 0.0) out.push_back({n, n + 1.0, 0.0, lost});
  }
  return out;
}

Sample sample_contracts(const RenewalHistory& history, const Effects& effects,
                        const Execution& execution) {
  Sample s;
  s.customers = sample_renewals(history, execution).customers;
  require_valid_contract_effects(effects, std::ssize(history.renewals), execution);
  s.alike = alike_rows(effects, execution);
  s.intervals.resize(static_cast<std::size_t>(s.alike.groups()));
  for_each_block(
      s.alike.groups(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t g = from; g < to; ++g)
          s.intervals[static_cast<std::size_t>(g)] = intervals_of(s.alike.rows(g), history);
      },
      kBlock);
  return s;
}

struct Sums {
  std::vector<double> of;
  Sums& operator+=(const Sums& other) {
    for (std::size_t k = 0; k < of.size(); ++k) of[k] += other.of[k];
    return *this;
  }
};

/// At point = (log alpha, log beta, coefficients): J'G and J'HJ of each pattern, where J holds the
/// slopes of the two logarithms of the pattern's own parameters.
optim::Evaluation evaluate(std::span<const double> point, const Sample& s, const Effects& effects,
                           const Execution& execution) {
  const std::size_t n = point.size();
  const BetaGeometric base{std::exp(point[0]), std::exp(point[1])};
  const auto part = [&](std::int64_t from, std::int64_t to) {
    Sums sums{std::vector<double>(1 + n + n * n, 0.0)};
    std::vector<double> slope(2 * n, 0.0);
    slope[0] = slope[3] = 1.0;
    for (std::int64_t g = from; g < to; ++g) {
      const auto& intervals = s.intervals[static_cast<std::size_t>(g)];
      if (intervals.empty()) continue;
      const std::int64_t row = s.alike.rows(g).front();
      const auto own = contract_parameters_of(base, point.subspan(2), effects, row);
      const optim::Evaluation e = survival::renewal_log_likelihood(own, intervals);
      for (std::size_t c = 0; c + 2 < n; ++c) {
        const double z = effects.design[row * effects.columns + effects.column[c]];
        for (std::size_t q = 0; q < 2; ++q) slope[2 * (c + 2) + q] = effects.sign[2 * c + q] * z;
      }
      sums.of[0] += e.value;
      for (std::size_t i = 0; i < n; ++i) {
        const double a = slope[2 * i], b = slope[2 * i + 1];
        sums.of[1 + i] += a * e.gradient[0] + b * e.gradient[1];
        const double in_alpha = a * e.hessian[0] + b * e.hessian[2];
        const double in_beta = a * e.hessian[1] + b * e.hessian[3];
        for (std::size_t j = 0; j <= i; ++j)
          sums.of[1 + n + i * n + j] += in_alpha * slope[2 * j] + in_beta * slope[2 * j + 1];
      }
    }
    return sums;
  };
  const Sums zero{std::vector<double>(1 + n + n * n, 0.0)};
  const Sums sums = block_reduce(s.alike.groups(), execution, zero, part, kBlock);
  optim::Evaluation e;
  e.value = sums.of[0];
  const auto gradient = sums.of.begin() + 1;
  e.gradient.assign(gradient, gradient + static_cast<std::ptrdiff_t>(n));
  e.hessian.resize(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      e.hessian[i * n + j] = e.hessian[j * n + i] = sums.of[1 + n + i * n + j];
  return e;
}

}  // namespace

void require_valid_contract_effects(const Effects& e, std::int64_t rows,
                                    const Execution& execution) {
  if (e.columns < 1 || std::ssize(e.design) != rows * e.columns)
    throw InvalidInput("covariates", -1, static_cast<double>(e.design.size()),
                       "one value a row and column");
  if (std::ssize(e.sign) != 2 * e.coefficients())
    throw InvalidInput("sign", -1, static_cast<double>(e.sign.size()), "two a coefficient");
  for (std::int64_t c = 0; c < e.coefficients(); ++c) {
    if (e.column[c] < 0 || e.column[c] >= e.columns)
      throw InvalidInput("column", c, static_cast<double>(e.column[c]), "a column of the design");
    for (int q = 0; q < 2; ++q)
      if (const double s = e.sign[2 * c + q]; !(s == 0.0 || std::abs(s) == 1.0))
        throw InvalidInput("sign", c, s, "-1, 0 or 1");
  }
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i)
      for (std::int64_t j = 0; j < e.columns; ++j)
        if (!std::isfinite(e.design[i * e.columns + j]))
          throw InvalidInput("covariates", i, e.design[i * e.columns + j], "finite");
  });
}

AlikeRows alike_rows(const Effects& effects, const Execution& execution) {
  const std::int64_t rows = effects.rows();
  AlikeRows a;
  a.order.resize(static_cast<std::size_t>(rows));
  const auto patterns = few_patterns(effects, std::max<std::int64_t>(1, rows / 2), execution);
  if (!patterns) {
    std::iota(a.order.begin(), a.order.end(), std::int64_t{0});
    a.first.resize(static_cast<std::size_t>(rows) + 1);
    std::iota(a.first.begin(), a.first.end(), std::int64_t{0});
    return a;
  }
  a.first.assign(patterns->first.size() + 1, 0);
  for (const std::int64_t p : patterns->of) ++a.first[p + 1];
  std::partial_sum(a.first.begin(), a.first.end(), a.first.begin());
  std::vector<std::int64_t> next(a.first);
  for (std::int64_t i = 0; i < rows; ++i) a.order[next[patterns->of[i]]++] = i;
  return a;
}

BetaGeometric contract_parameters_of(const BetaGeometric& at, std::span<const double> coefficients,
                                     const Effects& effects, std::int64_t row) {
  double change[2] = {};
  for (std::size_t c = 0; c < coefficients.size(); ++c)
    for (std::size_t q = 0; q < 2; ++q)
      change[q] += effects.sign[2 * c + q] * coefficients[c] *
                   effects.design[row * effects.columns + effects.column[c]];
  return {change[0] == 0.0 ? at.alpha : std::exp(std::log(at.alpha) + change[0]),
          change[1] == 0.0 ? at.beta : std::exp(std::log(at.beta) + change[1])};
}

optim::Evaluation contract_covariate_log_likelihood(const BetaGeometric& at,
                                                    std::span<const double> coefficients,
                                                    const RenewalHistory& history,
                                                    const Effects& effects,
                                                    const Execution& execution) {
  if (std::ssize(coefficients) != effects.coefficients())
    throw InvalidInput("coefficients", -1, static_cast<double>(coefficients.size()),
                       "one for each column that counts");
  const Sample s = sample_contracts(history, effects, execution);
  std::vector<double> point{std::log(at.alpha), std::log(at.beta)};
  point.insert(point.end(), coefficients.begin(), coefficients.end());
  return evaluate(point, s, effects, execution);
}

Fit fit_contract_with_covariates(const BetaGeometric& start, const RenewalHistory& history,
                                 const Effects& effects, const ElasticOptions& options,
                                 const Execution& execution) {
  const Sample s = sample_contracts(history, effects, execution);
  const auto mean = [&](std::span<const double> point, std::int64_t) {
    optim::Evaluation e = evaluate(point, s, effects, execution);
    const double factor = -1.0 / s.customers;
    e.value *= factor;
    for (double& g : e.gradient) g *= factor;
    for (double& h : e.hessian) h *= factor;
    return e;
  };
  // Where customers who are all alike fit best without covariates, the search begins nearer.
  std::vector<double> near{std::clamp(std::log(start.alpha), -6.0, 6.0),
                           std::clamp(std::log(start.beta), -6.0, 6.0)};
  std::vector<double> middle{0.0, std::clamp(near[1] - near[0], -4.0, 4.0)};
  const std::size_t n = 2 + static_cast<std::size_t>(effects.coefficients());
  near.resize(n, 0.0);
  middle.resize(n, 0.0);
  return maximise_elastic(mean, {near, middle}, {{1.0, 1.0}, {1.0, 1.0}, 0.0}, s.customers, 0,
                          options);
}

}  // namespace tenure::clv
