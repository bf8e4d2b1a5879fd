#include "tenure/clv/nbd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "counts.hpp"
#include "covariate_rows.hpp"
#include "horizon.hpp"
#include "negative_binomial.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "time_left.hpp"

namespace tenure::clv {
namespace {

enum Coordinate : std::size_t { kR, kAlpha };

Derivatives<2> derivatives(const NbdParameters& p, const PurchaseSample& sample,
                           const Execution& execution) {
  Derivatives<2> total;
  const auto in_r = rising_factorials(p.r, sample.x);
  for (std::size_t g = 0; g < sample.x.size(); ++g) {
    const double w = sample.x_weight[g];
    total.value += w * in_r[g].log;
    total.gradient[kR] += w * p.r * in_r[g].first;
    total.second(kR, kR) += w * p.r * (in_r[g].first + p.r * in_r[g].second);
  }
  total.value -= sample.purchases * std::log(p.alpha);
  total.gradient[kAlpha] -= sample.purchases;
  total += block_reduce(
      sample.age.size(), execution, Derivatives<2>{}, [&](std::int64_t from, std::int64_t to) {
        Derivatives<2> d;
        for (std::int64_t i = from; i < to; ++i) {
          const double w = sample.age_weight[i], x = sample.age_purchases[i];
          const double log_ratio = std::log1p(sample.age[i] / p.alpha);
          const double rest = sample.age[i] / (p.alpha + sample.age[i]);
          const double m = p.r * w + x;
          d.value -= m * log_ratio;
          d.gradient[kR] -= p.r * w * log_ratio;
          d.second(kR, kR) -= p.r * w * log_ratio;
          d.gradient[kAlpha] += m * rest;
          d.second(kAlpha, kR) += p.r * w * rest;
          d.second(kAlpha, kAlpha) -= m * rest * (p.alpha / (p.alpha + sample.age[i]));
        }
        return d;
      });
  return total;
}

/// Rows whose alpha is their own.
TENURE_CLONES void terms_of_rows(const RowChunk& c, double (*term)[kRowChunk]) {
  const double r = c.parameter[kR][0], m = r + c.x;
  const RisingFactorial in_r = rising_factorial(r, c.x);
  for (int i = 0; i < c.full; ++i) {
    const double alpha = c.parameter[kAlpha][i], ratio = c.age[i] / alpha, u = 1.0 + ratio;
    const double log_ratio = special::vector_log(u) + (ratio - (u - 1.0)) / u, rest = ratio / u;
    term[kRowValue][i] = in_r.log - c.x * special::vector_log(alpha) - m * log_ratio;
    term[kRowGradient + 0][i] = r * (in_r.first - log_ratio);
    term[kRowGradient + 1][i] = m * rest - c.x;
    term[row_hessian(2) + 0][i] = r * (in_r.first + r * in_r.second - log_ratio);  // r r
    term[row_hessian(2) + 1][i] = r * rest;                                        // alpha r
    term[row_hessian(2) + 2][i] = -m * rest / u;                                   // alpha alpha
  }
}

/// Coordinates to begin a search at, in scaled time.
std::vector<std::vector<double>> starts_of(const PurchaseSample& sample) {
  const auto start = [&](double r) {
    const double rate = std::max(sample.purchases, 1e-3 * sample.customers) / sample.customers;
    const double age = sample.mean_age > 0.0 ? sample.mean_age : 1.0;
    return std::vector{std::log(r), std::log(r * age / rate)};
  };
  return {start(0.5), start(5.0), start(0.05)};
}

template <class Value>
Buffer<double> by_row(const NbdParameters& p, const RepeatPurchases& c, const Execution& execution,
                      const Value& value) {
  require_valid(p);
  require_valid(c, execution);
  Buffer<double> out(c.rows());
  for_each_block(c.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) out[i] = value(c.frequency[i], c.age[i]);
  });
  return out;
}

}  // namespace

void require_valid(const NbdParameters& p) {
  const std::array<std::pair<const char*, double>, 2> all{{{"r", p.r}, {"alpha", p.alpha}}};
  for (const auto& [name, value] : all)
    if (!(std::isnormal(value) && value > 0.0))
      throw InvalidInput(name, -1, value, "finite and > 0");
}

Derivatives<2> nbd_log_likelihood(const NbdParameters& parameters, const RepeatPurchases& purchases,
                                  const Execution& execution) {
  require_valid(parameters);
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::repeat_buyers, execution);
  const NbdParameters scaled{parameters.r, parameters.alpha * sample.time_scale};
  Derivatives<2> d = derivatives(scaled, sample, execution);
  d.value += sample.purchases * std::log(sample.time_scale);
  return d;
}

Fit fit_nbd(const RepeatPurchases& purchases, const FitOptions& options,
            const Execution& execution) {
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::repeat_buyers, execution);
  const auto mean = [&](std::span<const double> u, std::int64_t) {
    return derivatives({std::exp(u[kR]), std::exp(u[kAlpha])}, sample, execution)
        .times(-1.0 / sample.customers);
  };
  double longest = 0.0;
  for (const double t : sample.age.span()) longest = std::max(longest, t);
  const ModelScales scales{.parameter = {1.0, 1.0 / sample.time_scale},
                           .penalty = {1.0, longest > 0.0 ? 10.0 / longest : 1.0},
                           .log_likelihood_shift = sample.purchases * std::log(sample.time_scale)};
  // Two parameters and no pass over rows: nothing to gain from a part of them.
  return maximise(mean, starts_of(sample), scales, sample.customers, 0, options);
}

const RowKernel& nbd_rows() {
  static constexpr RowKernel kernel{terms_of_rows, 2, {0, 1}};
  return kernel;
}

PreparedLikelihood prepare_nbd(const RepeatPurchases& purchases, const Execution& execution) {
  const auto sample = std::make_shared<const PurchaseSample>(
      sample_purchases(purchases, SampleRows::repeat_buyers, execution));
  const double unit = std::log(sample->time_scale);
  PreparedLikelihood prepared{.parameters = 2, .customers = sample->customers};
  // Second derivatives come with the first at hardly any cost.
  prepared.at = [=](std::span<const double> u, Order, const Execution& run) {
    Derivatives<2> d = derivatives({std::exp(u[kR]), std::exp(u[kAlpha] + unit)}, *sample, run);
    d.value += sample->purchases * unit;
    return d.times(1.0);
  };
  prepared.starts = starts_of(*sample);
  for (auto& start : prepared.starts) start[kAlpha] -= unit;
  return prepared;
}

Buffer<double> nbd_probability_alive(const NbdParameters& p, const RepeatPurchases& purchases,
                                     const Execution& execution) {
  return by_row(p, purchases, execution, [](double, double) { return 1.0; });
}

Buffer<double> nbd_log_odds_alive(const NbdParameters& p, const RepeatPurchases& purchases,
                                  const Execution& execution) {
  return by_row(p, purchases, execution,
                [](double, double) { return std::numeric_limits<double>::infinity(); });
}

Buffer<double> nbd_expected_purchases(const NbdParameters& p, const RepeatPurchases& purchases,
                                      double horizon, double discount_rate,
                                      const Execution& execution) {
  require_horizon(horizon, discount_rate, false,
                  "finite where nothing is discounted: nobody leaves, and the sum diverges");
  const double time =
      std::isinf(horizon) ? 1.0 / discount_rate : horizon * shrink(discount_rate * horizon);
  return by_row(p, purchases, execution,
                [&](double x, double age) { return (p.r + x) / (p.alpha + age) * time; });
}

Buffer<double> nbd_expected_purchases_new(const NbdParameters& p, std::span<const double> time,
                                          const Execution& execution) {
  require_valid(p);
  return of_times(time, 65'536, execution, [&](double t) { return p.r * (t / p.alpha); });
}

Buffer<double> nbd_pmf(const NbdParameters& p, std::span<const double> count, double time,
                       const Execution& execution) {
  require_valid(p);
  require_time("horizon", time);
  const double w = time / p.alpha;
  return of_counts(count, 4096, execution,
                   [&](double n) { return std::exp(negative_binomial::log_pmf(p.r, w, n)); });
}

std::vector<double> nbd_frequency_counts(const NbdParameters& p, std::span<const double> age,
                                         std::optional<std::span<const double>> weight,
                                         std::int64_t frequencies, const Execution& execution) {
  require_valid(p);
  require_valid_ages(age, weight, execution);
  require_frequencies(frequencies);
  return counts_of_each(age, weight, frequencies, execution, [&](double t, const auto& tell) {
    const double u = t / p.alpha, z = u / (1.0 + u);
    double chance = std::exp(-p.r * std::log1p(u));
    for (std::int64_t n = 0; n < frequencies; ++n) {
      tell(static_cast<std::size_t>(n), chance);
      chance *= z * (p.r + static_cast<double>(n)) / static_cast<double>(n + 1);
    }
  });
}

}  // namespace tenure::clv
