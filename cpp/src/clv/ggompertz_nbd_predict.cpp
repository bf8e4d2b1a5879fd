#include <algorithm>
#include <cmath>
#include <limits>

#include "counts.hpp"
#include "ggompertz_nbd_future.hpp"
#include "tenure/clv/by_age.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNothing = 1e-18;  ///< of a sum, which is then done

/// log of the odds of having stayed until T against having left in (t_x, T].
double log_odds(const GGompertzNbdParameters& p, double x, double t_x, double age) {
  const double m = p.r + x, silent = age - t_x, near = p.alpha + t_x;
  const GompertzLifetime rest = lifetime(p).after(t_x);
  const auto log_seen = [&](double t) { return -m * std::log1p(t / near) - p.s * rest.wear(t); };
  const double log_stay = log_seen(silent);
  const special::QuadratureRule& rule = panel_rule();
  double left = 0.0;
  for (double t = 0.0; t < silent;) {
    if (std::exp(log_seen(t)) <= kNothing * left) break;
    const double length =
        panel_length(rest, t, silent - t, near, [&](double at) { return m / (near + at); });
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double at = t + length * rule.node[j];
      left += rule.weight[j] * length * p.s / rest.spread(at) * std::exp(log_seen(at));
    }
    if (silent - (t + length) <= 1e-15 * silent || !(length > 0.0)) break;
    t += length;
  }
  return left > 0.0 ? log_stay - std::log(left) : kInfinity;
}

/// Integral over (0, horizon] of exp(-rate t) P(lifetime > t), rate >= 0.
double time_left(const GompertzLifetime& life, double horizon, double rate) {
  const special::QuadratureRule& rule = panel_rule();
  double sum = 0.0;
  for (double t = 0.0; t < horizon;) {
    // From t on the hazard is at least s over this.
    const double longest = std::max(life.spread(t), 1.0 / life.b);
    const double here = std::exp(-rate * t - life.s * life.wear(t));
    if (here <= kNothing * sum * (rate + life.s / longest)) break;
    const double length =
        panel_length(life, t, horizon - t, kInfinity, [&](double) { return rate; });
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double at = t + length * rule.node[j];
      sum += rule.weight[j] * length * std::exp(-rate * at - life.s * life.wear(at));
    }
    if (t + length <= t) break;
    t += length;
  }
  return sum;
}

/// Calls node(t, weight) for a quadrature of a density of the lifetime over (from, to].
template <class Node>
void integrate(const GompertzLifetime& life, double alpha, double r, double from, double to,
               const Node& node) {
  const special::QuadratureRule& rule = panel_rule();
  while (from < to) {
    const double length =
        panel_length(life, from, to - from, alpha, [&](double at) { return r / (alpha + at); });
    for (std::size_t j = 0; j < rule.node.size(); ++j)
      node(from + length * rule.node[j], rule.weight[j] * length);
    if (from + length <= from) return;
    from += length;
  }
}

double leaves_at(const GompertzLifetime& life, double t) {
  return life.s / life.spread(t) * std::exp(-life.s * life.wear(t));
}

}  // namespace

Buffer<double> ggompertz_nbd_log_odds_alive(const GGompertzNbdParameters& p,
                                            const RepeatPurchases& c, const Execution& execution) {
  require_valid(p);
  require_valid(c, execution);
  Buffer<double> out(c.rows());
  for_each_block(
      c.rows(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i)
          out[i] = log_odds(p, c.frequency[i], c.recency[i], c.age[i]);
      },
      512);
  return out;
}

Buffer<double> ggompertz_nbd_probability_alive(const GGompertzNbdParameters& p,
                                               const RepeatPurchases& purchases,
                                               const Execution& execution) {
  Buffer<double> out = ggompertz_nbd_log_odds_alive(p, purchases, execution);
  for_each_block(out.size(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const double odds = std::exp(out[i]);
      out[i] = out[i] > 0.0 ? 1.0 / (1.0 + std::exp(-out[i])) : odds / (1.0 + odds);
    }
  });
  return out;
}

Buffer<double> ggompertz_nbd_expected_purchases(const GGompertzNbdParameters& p,
                                                const RepeatPurchases& purchases, double horizon,
                                                double discount_rate, const Execution& execution) {
  if (!(horizon >= 0.0)) throw InvalidInput("horizon", -1, horizon, ">= 0");
  if (!(discount_rate >= 0.0 && std::isfinite(discount_rate)))
    throw InvalidInput("discount_rate", -1, discount_rate, ">= 0 and finite for this model");
  Buffer<double> out = ggompertz_nbd_probability_alive(p, purchases, execution);
  if (horizon == 0.0) {
    std::ranges::fill(out.span(), 0.0);
    return out;
  }
  const GompertzLifetime life = lifetime(p);
  // The time left depends on T alone: one group of rows for the interpolation.
  const Buffer<double> left = exp_by_age(
      {}, purchases.age, std::min(p.alpha, life.ratio),
      [&](double, double age) {
        return std::log(time_left(life.after(age), horizon, discount_rate) / (p.alpha + age));
      },
      execution);
  for_each_block(out.size(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) out[i] *= (p.r + purchases.frequency[i]) * left[i];
  });
  return out;
}

Buffer<double> ggompertz_nbd_expected_purchases_new(const GGompertzNbdParameters& p,
                                                    std::span<const double> time,
                                                    const Execution& execution) {
  require_valid(p);
  const GompertzLifetime life = lifetime(p);
  return of_times(time, 512, execution,
                  [&](double t) { return p.r / p.alpha * time_left(life, t, 0.0); });
}

Buffer<double> ggompertz_nbd_pmf(const GGompertzNbdParameters& p, std::span<const double> count,
                                 double time, const Execution& execution) {
  require_valid(p);
  require_time("horizon", time);
  const GGompertzNbdFuture future(p, 0.0, 0.0);
  return of_counts(count, 64, execution, [&](double n) { return future.pmf(n, time); });
}

std::vector<double> ggompertz_nbd_frequency_counts(const GGompertzNbdParameters& p,
                                                   std::span<const double> age,
                                                   std::optional<std::span<const double>> weight,
                                                   std::int64_t frequencies,
                                                   const Execution& execution) {
  require_valid(p);
  require_valid_ages(age, weight, execution);
  require_frequencies(frequencies);
  const GompertzLifetime life = lifetime(p);
  return counts_while_watched(
      p.r, p.alpha, age, weight, frequencies, execution,
      [&](double t) { return std::exp(-p.s * life.wear(t)); },
      [&](double from, double to, const auto& node) {
        integrate(life, p.alpha, p.r + static_cast<double>(frequencies), from, to,
                  [&](double t, double w) { node(t, w * leaves_at(life, t)); });
      });
}

}  // namespace tenure::clv
