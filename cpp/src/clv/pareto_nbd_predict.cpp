#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "counts.hpp"
#include "falling.hpp"
#include "horizon.hpp"
#include "pareto_nbd_future.hpp"
#include "tenure/clv/by_age.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/clv/prospects.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "time_left.hpp"

namespace tenure::clv {

TENURE_CLONES void weigh(const ParetoNbdParameters& p, const double* x, const double* t_x,
                         const double* age, int n, double* log_stay, double* leave) {
  alignas(64) double m[kParetoNbdChunk], a[kParetoNbdChunk], b[kParetoNbdChunk],
      rate[kParetoNbdChunk], range[kParetoNbdChunk];
  double longest = 0.0;
  for (int i = 0; i < n; ++i) {
    m[i] = p.r + x[i];
    a[i] = 1.0 / (p.alpha + t_x[i]);
    b[i] = 1.0 / (p.beta + t_x[i]);
    rate[i] = falling::rate(m[i], a[i], p.s, b[i]);
    const double told = std::min(age[i] - t_x[i], falling::cut(m[i]) * (p.alpha + t_x[i]));
    range[i] = special::vector_log(1.0 + rate[i] * told);
    leave[i] = 0.0;
  }
  for (int i = 0; i < n; ++i) longest = std::max(longest, range[i]);
  const special::QuadratureRule& rule = falling::rule(falling::grade_of(longest));
  for (std::size_t j = 0; j < rule.node.size(); ++j) {
    const double node = rule.node[j], weight = rule.weight[j];
    for (int i = 0; i < n; ++i) {
      const double q = node * range[i];
      const double since = (special::vector_exp(q) - 1.0) / rate[i];
      const double log_a = special::vector_log(1.0 + since * a[i]);
      const double log_b = special::vector_log(1.0 + since * b[i]);
      leave[i] += weight * special::vector_exp(q - m[i] * log_a - (p.s + 1.0) * log_b);
    }
  }
  for (int i = 0; i < n; ++i) {
    const double silent = age[i] - t_x[i];
    log_stay[i] = -m[i] * special::vector_log(1.0 + silent * a[i]) -
                  p.s * special::vector_log(1.0 + silent * b[i]);
    leave[i] *= p.s * b[i] * range[i] / rate[i];
  }
}

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kChunk = kParetoNbdChunk;

/// Calls take(row, n, log_stay, leave) for n rows from `row` on: what staying and leaving weigh.
template <class Take>
void each_chunk(const ParetoNbdParameters& p, const RepeatPurchases& c, const Execution& execution,
                const Take& take) {
  require_valid(p);
  require_valid(c, execution);
  for_each_block(c.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    double log_stay[kChunk], leave[kChunk];
    for (; from < to; from += kChunk) {
      const int n = static_cast<int>(std::min<std::int64_t>(kChunk, to - from));
      weigh(p, c.frequency.data() + from, c.recency.data() + from, c.age.data() + from, n, log_stay,
            leave);
      take(from, n, log_stay, leave);
    }
  });
}

double alive_of(double log_stay, double leave) {
  const double stay = std::exp(log_stay);
  return leave > 0.0 ? stay / (stay + leave) : 1.0;
}

/// One value a row.
template <class Value>
Buffer<double> by_row(const ParetoNbdParameters& p, const RepeatPurchases& c,
                      const Execution& execution, const Value& value) {
  Buffer<double> out(c.rows());
  each_chunk(p, c, execution,
             [&](std::int64_t row, int n, const double* log_stay, const double* leave) {
               for (int i = 0; i < n; ++i) out[row + i] = value(log_stay[i], leave[i]);
             });
  return out;
}

/// Calls take(row, P(alive), r + x, left) for every row; (r + x) left[j kChunk] are the purchases
/// expected of somebody alive at the j-th rate of discount.
template <class Take>
void each_future(const ParetoNbdParameters& p, const RepeatPurchases& c, double horizon,
                 const std::vector<double>& rates, const Execution& execution, const Take& take) {
  require_valid(p);
  for (const double rate : rates)
    require_horizon(horizon, rate, p.s > 1.0,
                    "finite where nothing is discounted and s <= 1: the sum diverges");
  require_valid(c, execution);
  // The time left depends on T alone; there is none in no time.
  const bool none = horizon == 0.0;
  std::vector<ByAge::Function> log_f;
  for (const double rate : rates)
    log_f.push_back([&p, horizon, rate](double, double age) {
      return std::log((p.beta + age) / (p.alpha + age)) +
             log_time_left(p.beta + age, p.s, horizon, rate);
    });
  const ByAge by_age({}, none ? std::span<const double>() : c.age, p.beta, std::move(log_f),
                     execution);
  each_chunk(
      p, c, execution, [&](std::int64_t row, int n, const double* log_stay, const double* leave) {
        double left[2 * kChunk] = {};
        double* const columns[] = {left, left + kChunk};
        if (!none) by_age.evaluate(row, row + n, std::span(columns, rates.size()));
        for (int i = 0; i < n; ++i)
          take(row + i, alive_of(log_stay[i], leave[i]), p.r + c.frequency[row + i], left + i);
      });
}

/// Calls node(t, weight) for a quadrature over t in (from, to]: panels of at most 1 in log(1 +
/// t/unit), in which all scales of time from `unit` on are smooth.
template <class Node>
void integrate(double from, double to, double unit, const Node& node) {
  const double low = std::log1p(from / unit), range = std::log1p(to / unit) - low;
  const auto panels = std::max(1, static_cast<int>(std::ceil(range)));
  static const special::QuadratureRule few = special::gauss_legendre(6);
  const special::QuadratureRule& rule = range < 0.05 ? few : falling::rule(2);
  for (int k = 0; k < panels; ++k)
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double q = low + range * (k + rule.node[j]) / panels;
      node(unit * std::expm1(q), rule.weight[j] * range / panels * unit * std::exp(q));
    }
}

/// Density of the time of leaving, s beta^s / (beta + t)^(s + 1).
double leaves_at(const ParetoNbdParameters& p, double t) {
  return p.s / (p.beta + t) * std::exp(-p.s * std::log1p(t / p.beta));
}

}  // namespace

Buffer<double> pareto_nbd_log_odds_alive(const ParetoNbdParameters& parameters,
                                         const RepeatPurchases& purchases,
                                         const Execution& execution) {
  return by_row(parameters, purchases, execution, [](double log_stay, double leave) {
    return leave > 0.0 ? log_stay - std::log(leave) : kInfinity;
  });
}

Buffer<double> pareto_nbd_probability_alive(const ParetoNbdParameters& parameters,
                                            const RepeatPurchases& purchases,
                                            const Execution& execution) {
  return by_row(parameters, purchases, execution, alive_of);
}

Buffer<double> pareto_nbd_expected_purchases(const ParetoNbdParameters& p,
                                             const RepeatPurchases& purchases, double horizon,
                                             double discount_rate, const Execution& execution) {
  Buffer<double> expected(purchases.rows());
  each_future(p, purchases, horizon, {discount_rate}, execution,
              [&](std::int64_t row, double alive, double rate, const double* left) {
                expected[row] = alive * (rate * left[0]);
              });
  return expected;
}

Prospects pareto_nbd_prospects(const ParetoNbdParameters& p, const RepeatPurchases& purchases,
                               double horizon, double discount_rate, const Execution& execution) {
  Prospects all(purchases.rows());
  each_future(p, purchases, horizon, {0.0, discount_rate}, execution,
              [&](std::int64_t row, double alive, double rate, const double* left) {
                all.alive[row] = alive;
                all.expected[row] = alive * (rate * left[0]);
                all.discounted[row] = alive * (rate * left[kChunk]);
              });
  return all;
}

Buffer<double> pareto_nbd_expected_purchases_new(const ParetoNbdParameters& p,
                                                 std::span<const double> time,
                                                 const Execution& execution) {
  require_valid(p);
  return of_times(time, 65'536, execution, [&](double t) {
    const double l = std::log1p(t / p.beta);
    return p.r * (p.beta / p.alpha) * l * shrink((p.s - 1.0) * l);
  });
}

Buffer<double> pareto_nbd_pmf(const ParetoNbdParameters& p, std::span<const double> count,
                              double time, const Execution& execution) {
  require_valid(p);
  require_time("horizon", time);
  const ParetoNbdFuture future(p, 0.0, 0.0);
  return of_counts(count, 64, execution, [&](double n) { return future.pmf(n, time); });
}

std::vector<double> pareto_nbd_frequency_counts(const ParetoNbdParameters& p,
                                                std::span<const double> age,
                                                std::optional<std::span<const double>> weight,
                                                std::int64_t frequencies,
                                                const Execution& execution) {
  require_valid(p);
  require_valid_ages(age, weight, execution);
  require_frequencies(frequencies);
  return counts_while_watched(
      p.r, p.alpha, age, weight, frequencies, execution,
      [&](double t) { return std::exp(-p.s * std::log1p(t / p.beta)); },
      [&](double from, double to, const auto& node) {
        integrate(from, to, std::min(p.alpha, p.beta),
                  [&](double t, double w) { node(t, w * leaves_at(p, t)); });
      });
}

}  // namespace tenure::clv
