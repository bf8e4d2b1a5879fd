#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bg_nbd_family.hpp"
#include "bg_nbd_future.hpp"
#include "bg_nbd_series.hpp"
#include "counts.hpp"
#include "horizon.hpp"
#include "tenure/clv/by_age.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr const char* kDiverges = "finite where nothing is discounted and a <= 1: the sum diverges";

/// log((alpha + T)/(alpha + t_x)), without cancellation where t_x is close to T.
[[gnu::always_inline]] inline double log_silence(double alpha, double t_x, double age) {
  double ratio = (age - t_x) / (alpha + t_x);
  ratio = ratio < 1e300 ? ratio : 1e300;  // an overflow would become NaN below
  const double u = 1.0 + ratio;
  return special::vector_log(u) + (ratio - (u - 1.0)) / u;
}

/// P(alive) / (1 - P(alive)) is ((alpha + t_x)/(alpha + T))^(r + x) (b + x - 1) / a for x > `sure`,
/// the largest number of repeat purchases of one who cannot have left.
TENURE_CLONES void probability_of_rows(const BgNbdParameters& p, double sure, const double* x,
                                       const double* t_x, const double* age, double* out,
                                       std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double left = (p.r + x[i]) * log_silence(p.alpha, t_x[i], age[i]);
    const double stay = special::vector_exp(-left) * (p.b + (x[i] - 1.0));
    out[i] = x[i] > sure ? stay / (stay + p.a) : 1.0;
  }
}

TENURE_CLONES void log_odds_of_rows(const BgNbdParameters& p, double sure, const double* x,
                                    const double* t_x, const double* age, double* out,
                                    std::int64_t n) {
  const double log_a = std::log(p.a);
  for (std::int64_t i = 0; i < n; ++i) {
    const double survive = p.b + (x[i] - 1.0);
    const double odds = special::vector_log(x[i] > sure ? survive : 1.0) - log_a -
                        (p.r + x[i]) * log_silence(p.alpha, t_x[i], age[i]);
    out[i] = x[i] > sure ? odds : kInfinity;
  }
}

template <class Kernel>
Buffer<double> by_block(const BgNbdParameters& p, OneTimeBuyers who, const RepeatPurchases& c,
                        const Execution& execution, const Kernel& kernel) {
  require_valid(p);
  require_valid(c, execution);
  Buffer<double> out(c.rows());
  for_each_block(c.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    kernel(p, who == OneTimeBuyers::stay ? 0.0 : -1.0, c.frequency.data() + from,
           c.recency.data() + from, c.age.data() + from, out.data() + from, to - from);
  });
  return out;
}

/// Calls take(row, n, alive, if_alive) for n rows from `row` on: P(alive) of each, and for each
/// rate of discount, one after the other, n purchases expected of those who are alive.
template <class Take>
void each_block(const BgNbdParameters& p, OneTimeBuyers who, const RepeatPurchases& c,
                double horizon, const std::vector<double>& rates, const Execution& execution,
                const Take& take) {
  require_valid(p);
  for (const double rate : rates) require_horizon(horizon, rate, p.a > 1.0, kDiverges);
  require_valid(c, execution);
  // Nobody buys within no time.
  const bool none = horizon == 0.0;
  std::vector<ByAge::Function> log_f;
  for (const double rate : rates)
    log_f.push_back([&p, horizon, rate](double x, double age) {
      return bg_nbd_log_discounted_alive(p, x, age, horizon, rate);
    });
  const auto ages = none ? std::span<const double>() : c.age;
  const ByAge by_age(none ? ages : c.frequency, ages, p.alpha, std::move(log_f), execution);
  for_each_block(c.rows(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    constexpr std::int64_t kRows = 2048;
    std::vector<double> if_alive(rates.size() * kRows, 0.0);
    std::vector<double*> columns(rates.size());
    double alive[kRows];
    for (std::int64_t from = first; from < last; from += kRows) {
      const std::int64_t n = std::min(kRows, last - from);
      probability_of_rows(p, who == OneTimeBuyers::stay ? 0.0 : -1.0, c.frequency.data() + from,
                          c.recency.data() + from, c.age.data() + from, alive, n);
      for (std::size_t j = 0; j < columns.size(); ++j)
        columns[j] = if_alive.data() + static_cast<std::int64_t>(j) * n;
      if (!none) by_age.evaluate(from, from + n, columns);
      take(from, n, alive, if_alive.data());
    }
  });
}

}  // namespace

Buffer<double> log_odds_alive(const BgNbdParameters& parameters, OneTimeBuyers who,
                              const RepeatPurchases& purchases, const Execution& execution) {
  return by_block(parameters, who, purchases, execution, log_odds_of_rows);
}

Buffer<double> probability_alive(const BgNbdParameters& parameters, OneTimeBuyers who,
                                 const RepeatPurchases& purchases, const Execution& execution) {
  return by_block(parameters, who, purchases, execution, probability_of_rows);
}

Buffer<double> expected_purchases(const BgNbdParameters& p, OneTimeBuyers who,
                                  const RepeatPurchases& c, double horizon, double discount_rate,
                                  const Execution& execution) {
  Buffer<double> expected(c.rows());
  each_block(p, who, c, horizon, {discount_rate}, execution,
             [&](std::int64_t row, std::int64_t n, const double* alive, const double* if_alive) {
               for (std::int64_t i = 0; i < n; ++i) expected[row + i] = alive[i] * if_alive[i];
             });
  return expected;
}

Prospects prospects(const BgNbdParameters& p, OneTimeBuyers who, const RepeatPurchases& c,
                    double horizon, double discount_rate, const Execution& execution) {
  Prospects all(c.rows());
  each_block(p, who, c, horizon, {0.0, discount_rate}, execution,
             [&](std::int64_t row, std::int64_t n, const double* alive, const double* if_alive) {
               std::copy_n(alive, n, all.alive.data() + row);
               for (std::int64_t i = 0; i < n; ++i) {
                 all.expected[row + i] = alive[i] * if_alive[i];
                 all.discounted[row + i] = alive[i] * if_alive[n + i];
               }
             });
  return all;
}

Buffer<double> bg_nbd_log_odds_alive(const BgNbdParameters& parameters,
                                     const RepeatPurchases& purchases, const Execution& execution) {
  return log_odds_alive(parameters, OneTimeBuyers::stay, purchases, execution);
}

Buffer<double> bg_nbd_probability_alive(const BgNbdParameters& parameters,
                                        const RepeatPurchases& purchases,
                                        const Execution& execution) {
  return probability_alive(parameters, OneTimeBuyers::stay, purchases, execution);
}

Buffer<double> bg_nbd_expected_purchases(const BgNbdParameters& p, const RepeatPurchases& purchases,
                                         double horizon, double discount_rate,
                                         const Execution& execution) {
  return expected_purchases(p, OneTimeBuyers::stay, purchases, horizon, discount_rate, execution);
}

Prospects bg_nbd_prospects(const BgNbdParameters& p, const RepeatPurchases& purchases,
                           double horizon, double discount_rate, const Execution& execution) {
  return prospects(p, OneTimeBuyers::stay, purchases, horizon, discount_rate, execution);
}

Buffer<double> bg_nbd_expected_purchases_new(const BgNbdParameters& p, std::span<const double> time,
                                             const Execution& execution) {
  require_valid(p);
  return of_times(time, 256, execution,
                  [&](double t) { return std::exp(bg_nbd_log_expected_alive(p, 0.0, 0.0, t)); });
}

Buffer<double> bg_nbd_pmf(const BgNbdParameters& p, std::span<const double> count, double time,
                          const Execution& execution) {
  require_valid(p);
  require_time("horizon", time);
  const BgNbdFuture future(p, 0.0, 0.0);
  return of_counts(count, 256, execution, [&](double n) { return future.pmf(n, time); });
}

std::vector<double> bg_nbd_frequency_counts(const BgNbdParameters& p, std::span<const double> age,
                                            std::optional<std::span<const double>> weight,
                                            std::int64_t frequencies, const Execution& execution) {
  require_valid(p);
  require_valid_ages(age, weight, execution);
  require_frequencies(frequencies);
  const auto size = static_cast<std::size_t>(frequencies) + 1;
  // Chance to be alive after n purchases, and to leave at the n-th: the same for every T.
  std::vector<double> outlived(size, 1.0), left(size, 0.0);
  for (std::size_t n = 1; n < size; ++n) {
    const double j = static_cast<double>(n) - 1.0;
    left[n] = outlived[n - 1] * p.a / (p.a + p.b + j);
    outlived[n] = outlived[n - 1] * (p.b + j) / (p.a + p.b + j);
  }
  return counts_of_each(age, weight, frequencies, execution, [&](double t, const auto& tell) {
    const double u = t / p.alpha, z = u / (1.0 + u);
    double pmf = std::exp(-p.r * std::log1p(u)), below = 0.0;  // P(K = n), P(K < n)
    for (std::size_t n = 0; n + 1 < size; ++n) {
      tell(n, outlived[n] * pmf + left[n] * std::max(0.0, 1.0 - below));
      below += pmf;
      pmf *= z * (p.r + static_cast<double>(n)) / static_cast<double>(n + 1);
    }
  });
}

}  // namespace tenure::clv
