#include <algorithm>
#include <cmath>
#include <limits>

#include "bg_bb_future.hpp"
#include "counts.hpp"
#include "log_product.hpp"
#include "tenure/clv/bg_bb.hpp"
#include "tenure/special/logs.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace bg_bb {
namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}

void require_whole(const char* argument, double v, double most) {
  if (!(v >= 0.0 && v <= most && std::trunc(v) == v))
    throw InvalidInput(argument, -1, v, "a whole number from 0 to 1,000,000");
}

/// Of the two parts of the likelihood, to be alive and to have left, in units of the k-th way to
/// leave.
void log_odds_now(const BgBbParameters& p, std::span<const OpportunityCell> run, double* out) {
  const double x = run[0].x, n = run[0].n;
  LogProduct alive;
  double left = 0.0, k = n;
  for (std::size_t i = 0; i < run.size(); ++i) {
    while (k > run[i].t_x) {
      k -= 1.0;
      const double r = (p.beta + (k - x)) / (p.alpha + p.beta + k) *
                       ((p.delta + k) / (p.gamma + p.delta + k + 1.0));
      alive.times(r);
      left = r * left + p.gamma;
    }
    out[i] =
        left > 0.0 ? std::log(p.gamma + p.delta + n) + alive.log() - std::log(left) : kInfinity;
  }
}

double expit(double log_odds) {
  if (log_odds >= 0.0) return 1.0 / (1.0 + std::exp(-log_odds));
  const double odds = std::exp(log_odds);
  return odds / (1.0 + odds);
}

/// Summed forward in units of the first term, and of less and less where terms grow.
double pmf(const BgBbParameters& p, double count, double n) {
  if (count > n) return 0.0;
  LogProduct before;
  for (double j = 0.0; j < count; j += 1.0) {
    before.times((p.alpha + j) / (p.alpha + p.beta + j));
    before.times((p.delta + j) / (p.gamma + p.delta + 1.0 + j));
  }
  double log_unit = before.log() - std::log(p.gamma + p.delta), term = 1.0, sum = 0.0;
  for (double i = count; i < n; i += 1.0) {
    sum += p.gamma * term;
    term *= (i + 1.0) / (i + 1.0 - count) * ((p.beta + i - count) / (p.alpha + p.beta + i)) *
            ((p.delta + i) / (p.gamma + p.delta + 1.0 + i));
    if (term > 1e150) {
      sum *= 1e-150;
      term *= 1e-150;
      log_unit += 150.0 * std::log(10.0);
    }
  }
  sum += (p.gamma + p.delta + n) * term;
  return std::min(1.0, std::exp(log_unit + std::log(sum)));
}

}  // namespace bg_bb

namespace {

using bg_bb::expit;
using bg_bb::log_odds_now;
using bg_bb::pmf;
using bg_bb::require_whole;

/// log((delta + n)_ahead / (gamma + delta + n)_ahead): to stay for that many opportunities more.
double log_stays(const BgBbParameters& p, double n, double ahead) {
  LogProduct stays;
  for (double j = 0.0; j < ahead; j += 1.0)
    stays.times((p.delta + n + j) / (p.gamma + p.delta + n + j));
  return stays.log();
}

/// Sum of z^j P(alive at n + j | alive at n), j = 1, ..., horizon, z = 1 / (1 + discount).
double discounted_stays(const BgBbParameters& p, double n, double horizon, double discount,
                        const Execution& execution) {
  const double z = 1.0 / (1.0 + discount), delta = p.delta + n;
  if (std::isinf(horizon) && discount == 0.0) return delta / (p.gamma - 1.0);
  double term = 1.0, sum = 0.0;
  // What is still to come is at most the next term over `rest`, as the ratio of terms rises to z.
  const double rest = std::isinf(horizon) ? 1.0 - z : 1.0 / horizon;
  for (double j = 0.0; j < horizon; j += 1.0) {
    term *= z * ((delta + j) / (p.gamma + delta + j));
    sum += term;
    if (term <= 1e-17 * rest * sum) break;
    if (std::fmod(j, 65'536.0) == 65'535.0) execution.poll();
  }
  return sum;
}

void require_horizon(const BgBbParameters& p, double horizon, double discount) {
  if (!(discount >= 0.0 && std::isfinite(discount)))
    throw InvalidInput("discount_rate", -1, discount, "finite and >= 0");
  if (!std::isinf(horizon) || horizon < 0.0) {
    require_whole("horizon", horizon, kLongestHorizon);
  } else if (discount == 0.0 ? !(p.gamma > 1.0) : discount < kSmallestDiscount) {
    throw InvalidInput("horizon", -1, horizon,
                       "finite unless gamma > 1 or the discount is at least 1e-6");
  }
}

/// Sums of weight by n, as long as the largest n asks for; `number` has been checked.
std::vector<double> by_number(std::span<const double> number,
                              std::optional<std::span<const double>> weight) {
  std::vector<double> sum;
  for (std::size_t i = 0; i < number.size(); ++i) {
    // Clamped, as somebody else may have changed the row since it was checked.
    const auto n = static_cast<std::size_t>(std::clamp(number[i], 0.0, kMostOpportunities));
    if (n >= sum.size()) sum.resize(n + 1, 0.0);
    sum[n] += weight ? (*weight)[i] : 1.0;
  }
  return sum;
}

}  // namespace

Buffer<double> bg_bb_log_odds_alive(const BgBbParameters& p, const PurchaseOpportunities& purchases,
                                    double ahead, const Execution& execution) {
  require_valid(p);
  require_whole("ahead", ahead, kLongestHorizon);
  return by_cell(
      purchases,
      [&](std::span<const OpportunityCell> run, double* out) {
        log_odds_now(p, run, out);
        if (ahead == 0.0) return;
        const double log_s = log_stays(p, run[0].n, ahead);
        for (std::size_t i = 0; i < run.size(); ++i)
          out[i] = log_s - special::log_sum_exp(-out[i], special::log1m_exp(log_s));
      },
      execution);
}

Buffer<double> bg_bb_probability_alive(const BgBbParameters& p,
                                       const PurchaseOpportunities& purchases, double ahead,
                                       const Execution& execution) {
  Buffer<double> out = bg_bb_log_odds_alive(p, purchases, ahead, execution);
  for_each_block(out.size(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) out[i] = expit(out[i]);
  });
  return out;
}

Buffer<double> bg_bb_expected_purchases(const BgBbParameters& p,
                                        const PurchaseOpportunities& purchases, double horizon,
                                        double discount, const Execution& execution) {
  require_valid(p);
  require_horizon(p, horizon, discount);
  require_valid_opportunities(purchases.number, std::nullopt, execution);
  std::vector<double> stays = by_number(purchases.number, std::nullopt);
  for_each_task(std::ssize(stays), execution, [&](std::int64_t i) {
    if (stays[i] > 0.0)
      stays[i] = discounted_stays(p, static_cast<double>(i), horizon, discount, execution);
  });
  return by_cell(
      purchases,
      [&](std::span<const OpportunityCell> run, double* out) {
        const double x = run[0].x, n = run[0].n;
        const double buys =
            (p.alpha + x) / (p.alpha + p.beta + n) * stays.at(static_cast<std::size_t>(n));
        log_odds_now(p, run, out);
        for (std::size_t i = 0; i < run.size(); ++i) out[i] = buys * expit(out[i]);
      },
      execution);
}

Buffer<double> bg_bb_expected_purchases_new(const BgBbParameters& p,
                                            std::span<const double> opportunities,
                                            const Execution& execution) {
  require_valid(p);
  Buffer<double> out(std::ssize(opportunities));
  for (std::int64_t i = 0; i < out.size(); ++i) {
    const double n = opportunities[i];
    if (!(n >= 0.0 && n <= kLongestHorizon && std::trunc(n) == n))
      throw InvalidInput("horizon", i, n, "a whole number from 0 to 1,000,000");
    out[i] = p.alpha / (p.alpha + p.beta) * discounted_stays(p, 0.0, n, 0.0, execution);
  }
  return out;
}

Buffer<double> bg_bb_pmf(const BgBbParameters& p, std::span<const double> count,
                         double opportunities, const Execution& execution) {
  require_valid(p);
  require_whole("horizon", opportunities, kLongestHorizon);
  Buffer<double> out(std::ssize(count));
  for_each_task(out.size(), execution, [&](std::int64_t i) {
    if (!(count[i] >= 0.0 && std::trunc(count[i]) == count[i]))
      throw InvalidInput("n", i, count[i], "a whole number >= 0");
    out[i] = pmf(p, count[i], opportunities);
  });
  return out;
}

Buffer<double> bg_bb_conditional_pmf(const BgBbParameters& p,
                                     const PurchaseOpportunities& purchases, double count,
                                     double horizon, const Execution& execution) {
  require_valid(p);
  require_whole("horizon", horizon, kLongestHorizon);
  if (!(count >= 0.0 && std::trunc(count) == count))
    throw InvalidInput("n", -1, count, "a whole number >= 0");
  return by_cell(
      purchases,
      [&](std::span<const OpportunityCell> run, double* out) {
        const double x = run[0].x, n = run[0].n;
        const double if_alive = pmf(bg_bb::if_alive(p, x, n), count, horizon);
        log_odds_now(p, run, out);
        for (std::size_t i = 0; i < run.size(); ++i) {
          const double left = count == 0.0 ? expit(-out[i]) : 0.0;
          out[i] = left + expit(out[i]) * if_alive;
        }
      },
      execution);
}

std::vector<double> bg_bb_frequency_counts(const BgBbParameters& p, std::span<const double> number,
                                           std::optional<std::span<const double>> weight,
                                           std::int64_t frequencies, const Execution& execution) {
  require_valid(p);
  require_frequencies(frequencies);
  require_valid_opportunities(number, weight, execution);
  const std::vector<double> customers = by_number(number, weight);
  std::vector<double> expected(static_cast<std::size_t>(frequencies) + 1, 0.0);
  for (std::int64_t n = 0; n < std::ssize(customers); ++n) {
    const double w = customers[n];
    if (w == 0.0) continue;
    const auto most = std::min<std::int64_t>(frequencies, n + 1);
    std::vector<double> share(static_cast<std::size_t>(most));
    for_each_task(most, execution, [&](std::int64_t k) {
      share[k] = pmf(p, static_cast<double>(k), static_cast<double>(n));
    });
    double rest = 1.0;
    for (std::size_t k = 0; k < share.size(); ++k) {
      expected[k] += w * share[k];
      rest -= share[k];
    }
    expected.back() += w * std::max(0.0, rest);
  }
  return expected;
}

}  // namespace tenure::clv
