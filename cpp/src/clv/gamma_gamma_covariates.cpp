#include "tenure/clv/gamma_gamma_covariates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "tenure/clv/frequency_groups.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

enum Coordinate : std::size_t { kP, kQ, kGamma };

void require_valid_design(const SpendDesign& d, std::int64_t rows, const Execution& execution) {
  if (d.columns < 1 || std::ssize(d.values) != rows * d.columns)
    throw InvalidInput("covariates", -1, static_cast<double>(d.values.size()),
                       "one value a row and column");
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i)
      for (std::int64_t j = 0; j < d.columns; ++j)
        if (!std::isfinite(d.values[i * d.columns + j]))
          throw InvalidInput("covariates", i, d.values[i * d.columns + j], "finite");
  });
}

/// Rows with x > 0 and m > 0 by ascending frequency, m in units of its geometric mean.
struct Sample {
  double customers = 0.0, money_scale = 1.0, mean_amount = 0.0;
  std::vector<double> x;
  std::vector<std::int64_t> first;
  Buffer<double> log_mean, weight, design;
  std::int64_t columns = 0, excluded = 0;
};

Sample sample_with_design(const ObservedSpend& spend, const SpendDesign& d,
                          const Execution& execution) {
  require_valid(spend, execution);
  const std::int64_t rows = spend.rows();
  require_valid_design(d, rows, execution);
  Buffer<double> used(rows);
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i)
      used[i] = spend.frequency[i] > 0.0 && spend.mean[i] > 0.0 ? spend.frequency[i] : 0.0;
  });
  Sample s;
  s.columns = d.columns;
  s.log_mean = Buffer<double>(rows);
  s.weight = Buffer<double>(rows);
  s.design = Buffer<double>(rows * d.columns);
  FrequencyGroups groups =
      group_by_frequency(used.span(), 1.0, execution, [&](std::int64_t row, std::int64_t at) {
        s.log_mean[at] = std::log(spend.mean[row]);
        s.weight[at] = spend.weight ? (*spend.weight)[row] : 1.0;
        std::copy_n(d.values.data() + row * d.columns, d.columns, s.design.data() + at * d.columns);
      });
  s.excluded = rows - groups.rows();
  if (groups.rows() == 0)
    throw InvalidInput("monetary_value", -1, 0.0,
                       "greater than 0 in at least one row with frequency > 0");
  s.x = std::move(groups.x);
  s.first = std::move(groups.first);
  const std::int64_t n = s.first.back();
  s.customers = block_sum(n, execution, [&](std::int64_t i) { return s.weight[i]; });
  const double logs =
      block_sum(n, execution, [&](std::int64_t i) { return s.weight[i] * s.log_mean[i]; });
  if (!(s.customers > 0.0))
    throw InvalidInput("weight", -1, s.customers, "greater than 0 in at least one row");
  const double exponent = std::round(-logs / s.customers / std::log(2.0));
  s.money_scale = std::ldexp(1.0, static_cast<int>(exponent));
  for_each_block(n, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) s.log_mean[i] += exponent * std::log(2.0);
  });
  s.mean_amount = block_sum(n, execution,
                            [&](std::int64_t i) { return s.weight[i] * std::exp(s.log_mean[i]); }) /
                  s.customers;
  return s;
}

struct Sums {
  std::vector<double> of;
  Sums& operator+=(const Sums& other) {
    for (std::size_t k = 0; k < of.size(); ++k) of[k] += other.of[k];
    return *this;
  }
};

/// Adds the rows of one frequency to value, gradient and lower triangle of the Hessian. With t = x
/// m / gamma_i the powers of eq. 1a are put together as -px log(1 + 1/t) - q log(1 + t), which does
/// not cancel where x is large.
void add_rows(const GammaGammaParameters& at, std::span<const double> coefficients, const Sample& s,
              double x, std::int64_t from, std::int64_t to, std::vector<double>& sums) {
  const std::size_t n = 3 + coefficients.size();
  double* const gradient = sums.data() + 1;
  double* const hessian = gradient + n;
  const double px = at.p * x, log_x_over_gamma = std::log(x / at.gamma);
  const RisingFactorial f = rising_factorial(px, at.q);
  const double log_gamma_q = special::lgamma(at.q);
  const double psi = special::digamma(px + at.q) - special::digamma(at.q);
  const double psi1 = special::trigamma(px + at.q), psi1_q = special::trigamma(at.q);
  for (std::int64_t i = from; i < to; ++i) {
    const double w = s.weight[i];
    const double* const z = s.design.data() + i * s.columns;
    double eta = 0.0;
    for (std::size_t c = 0; c < coefficients.size(); ++c) eta += coefficients[c] * z[c];
    const double log_t = s.log_mean[i] + log_x_over_gamma - eta;
    const double ratio = std::min(std::exp(-log_t), 1e300);
    const double share = 1.0 / (1.0 + ratio), rest = ratio * share, log_ratio = std::log1p(ratio);
    const double in_gamma = w * (at.q * share - px * rest);
    const double gamma_p = -w * px * rest, gamma_q = w * at.q * share;
    const double gamma_gamma = -w * (px + at.q) * share * rest;
    const double in_q = at.q * (psi - log_t - log_ratio);

    sums[0] += w * (f.log - log_gamma_q - s.log_mean[i] - (px + at.q) * log_ratio - at.q * log_t);
    gradient[kP] += w * px * (f.first - log_ratio);
    gradient[kQ] += w * in_q;
    hessian[kP * n + kP] += w * px * (f.first + px * f.second - log_ratio);
    hessian[kQ * n + kQ] += w * (in_q + at.q * at.q * (psi1 - psi1_q));
    hessian[kQ * n + kP] += w * px * at.q * psi1;
    // gamma is the coefficient of a column of ones.
    for (std::size_t c = kGamma; c < n; ++c) {
      const double zc = c == kGamma ? 1.0 : z[c - 3];
      gradient[c] += in_gamma * zc;
      hessian[c * n + kP] += gamma_p * zc;
      hessian[c * n + kQ] += gamma_q * zc;
      for (std::size_t other = kGamma; other <= c; ++other)
        hessian[c * n + other] += gamma_gamma * zc * (other == kGamma ? 1.0 : z[other - 3]);
    }
  }
}

/// At point = (log p, log q, log gamma in scaled money, coefficients).
optim::Evaluation evaluate(std::span<const double> point, const Sample& s,
                           const Execution& execution) {
  const std::size_t n = point.size();
  const GammaGammaParameters at{std::exp(point[kP]), std::exp(point[kQ]), std::exp(point[kGamma])};
  const auto part = [&](std::int64_t from, std::int64_t to) {
    Sums sums{std::vector<double>(1 + n + n * n, 0.0)};
    auto g = static_cast<std::size_t>(std::upper_bound(s.first.begin(), s.first.end(), from) -
                                      s.first.begin() - 1);
    for (; from < to; ++g) {
      const std::int64_t end = std::min(to, s.first[g + 1]);
      add_rows(at, point.subspan(3), s, s.x[g], from, end, sums.of);
      from = end;
    }
    return sums;
  };
  const Sums zero{std::vector<double>(1 + n + n * n, 0.0)};
  const Sums sums = block_reduce(s.first.back(), execution, zero, part);
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

void require_coefficients(std::span<const double> coefficients, const SpendDesign& design) {
  if (std::ssize(coefficients) != design.columns)
    throw InvalidInput("coefficients", -1, static_cast<double>(coefficients.size()),
                       "one for each column");
}

}  // namespace

optim::Evaluation gamma_gamma_covariate_log_likelihood(const GammaGammaParameters& at,
                                                       std::span<const double> coefficients,
                                                       const ObservedSpend& spend,
                                                       const SpendDesign& design,
                                                       const Execution& execution) {
  require_valid(at);
  require_coefficients(coefficients, design);
  const Sample s = sample_with_design(spend, design, execution);
  std::vector<double> point{std::log(at.p), std::log(at.q),
                            std::log(at.gamma) + std::log(s.money_scale)};
  point.insert(point.end(), coefficients.begin(), coefficients.end());
  optim::Evaluation e = evaluate(point, s, execution);
  e.value += s.customers * std::log(s.money_scale);
  return e;
}

GammaGammaFit fit_gamma_gamma_with_covariates(const GammaGammaParameters& start,
                                              const ObservedSpend& spend, const SpendDesign& design,
                                              const ElasticOptions& options,
                                              const Execution& execution) {
  require_valid(start);
  const Sample s = sample_with_design(spend, design, execution);
  const auto mean = [&](std::span<const double> point, std::int64_t) {
    optim::Evaluation e = evaluate(point, s, execution);
    const double factor = -1.0 / s.customers;
    e.value *= factor;
    for (double& g : e.gradient) g *= factor;
    for (double& h : e.hessian) h *= factor;
    return e;
  };
  const auto bounded = [](double log) { return std::clamp(log, -8.0, 8.0); };
  std::vector<double> near{bounded(std::log(start.p)), bounded(std::log(start.q)),
                           bounded(std::log(start.gamma) + std::log(s.money_scale))};
  std::vector<double> middle{std::log(4.0), std::log(3.0), std::log(0.5 * s.mean_amount)};
  near.resize(3 + static_cast<std::size_t>(design.columns), 0.0);
  middle.resize(near.size(), 0.0);
  const ModelScales scales{.parameter = {1.0, 1.0, 1.0 / s.money_scale},
                           .penalty = {1.0, 1.0, 10.0 / s.mean_amount},
                           .log_likelihood_shift = s.customers * std::log(s.money_scale)};
  GammaGammaFit fit{maximise_elastic(mean, {near, middle}, scales, s.customers, 0, options)};
  fit.excluded = s.excluded;
  return fit;
}

Buffer<double> gamma_gamma_covariate_expected_spend(const GammaGammaParameters& at,
                                                    std::span<const double> coefficients,
                                                    const ObservedSpend& spend,
                                                    const SpendDesign& design,
                                                    const Execution& execution) {
  require_valid(at);
  require_coefficients(coefficients, design);
  require_valid(spend, execution);
  require_valid_design(design, spend.rows(), execution);
  Buffer<double> out(spend.rows());
  for_each_block(spend.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      double eta = 0.0;
      for (std::size_t c = 0; c < coefficients.size(); ++c)
        eta += coefficients[c] * design.values[i * design.columns + static_cast<std::int64_t>(c)];
      const double gamma = eta == 0.0 ? at.gamma : std::exp(std::log(at.gamma) + eta);
      if (!(std::isnormal(gamma) && gamma > 0.0))
        throw InvalidInput("covariates", i, gamma,
                           "such that the parameters of the customer are finite and > 0");
      const bool seen = spend.frequency[i] > 0.0 && spend.mean[i] > 0.0;
      const double x = seen ? spend.frequency[i] : 0.0;
      const double total = seen ? spend.mean[i] * x : 0.0;
      const double shape = at.p * x + at.q - 1.0;
      out[i] =
          shape > 0.0 ? at.p * (gamma + total) / shape : std::numeric_limits<double>::infinity();
    }
  });
  return out;
}

}  // namespace tenure::clv
