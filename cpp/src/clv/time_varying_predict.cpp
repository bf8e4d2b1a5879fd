#include <cmath>
#include <limits>
#include <vector>

#include "bg_nbd_series.hpp"
#include "tenure/special/gauss_legendre.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "time_varying_clock.hpp"

namespace tenure::clv {
namespace {

using namespace time_varying;

constexpr std::int64_t kBlock = 256;

/// Time on the clock of purchases at t_x and at T, in the unit of the purchases.
struct PurchaseClock {
  double at_last, at_end;
};

double run(const Setting& at, std::int64_t i, double from, double to) {
  double time = 0.0;
  each_piece(at.periods, i, at.scale, from, to, [&](std::int64_t row, double start, double stop) {
    time += (stop - start) * at.multiplier.purchase[row];
  });
  return time;
}

PurchaseClock clock_of(const Setting& at, std::int64_t i) {
  const double t_x = at.purchases.recency[i], age = at.purchases.age[i];
  const double last = run(at, i, 0.0, t_x);
  return {last, last + run(at, i, t_x, age)};
}

double bg_nbd_log_odds(const Setting& at, std::int64_t i, const PurchaseClock& clock) {
  const auto [r, alpha, a, b] = at.parameters;
  const double x = at.purchases.frequency[i];
  if (x == 0.0) return std::numeric_limits<double>::infinity();
  return std::log((b + x - 1.0) / a) -
         (r + x) * std::log1p((clock.at_end - clock.at_last) / (alpha + clock.at_last));
}

double expit(double log_odds) {
  if (log_odds > 0.0) return 1.0 / (1.0 + std::exp(-log_odds));
  const double odds = std::exp(log_odds);
  return odds / (1.0 + odds);
}

/// int_0^h e^(-d t) (1 + c t)^-s dt for a piece of time.
double discounted_stay(double h, double c, double s, double d) {
  if (d == 0.0) {
    const double l = std::log1p(c * h), z = (s - 1.0) * l;
    const double mean = z == 0.0 ? 1.0 : -std::expm1(-z) / z;
    return l == 0.0 ? h : mean * l / c;
  }
  // Smooth: a rule for the steepest of the two, halved where it is steep.
  static const special::QuadratureRule rule = special::gauss_legendre(16);
  const auto halves =
      static_cast<int>(std::clamp(std::ceil((std::abs(d) + (s + 1.0) * c) * h), 1.0, 4096.0));
  double sum = 0.0;
  for (int k = 0; k < halves; ++k)
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double t = h * (k + rule.node[j]) / halves;
      sum += rule.weight[j] * std::exp(-d * t - s * std::log1p(c * t));
    }
  return sum * h / halves;
}

double pareto_nbd_expected(const Setting& at, std::int64_t i, const StayOrLeave& now,
                           double horizon, double discount) {
  const auto [r, alpha, s, beta] = at.parameters;
  const double age = at.purchases.age[i], m = r + at.purchases.frequency[i];
  const double q0 = beta + now.dropout_clock;
  double q = q0, sum = 0.0;
  each_piece(at.periods, i, at.scale, age, age + horizon,
             [&](std::int64_t row, double from, double to) {
               const double c = at.multiplier.dropout[row] / q, h = to - from;
               sum += at.multiplier.purchase[row] *
                      std::exp(-s * std::log(q / q0) - discount * (from - age)) *
                      discounted_stay(h, c, s, discount);
               q += at.multiplier.dropout[row] * h;
             });
  return expit(now.log_stay - std::log(now.leave)) * m / (alpha + now.purchase_clock) * sum;
}

/// E(t), the purchases within t, is known on the clock of purchases; with a discount its mean in
/// e^(-d t): e^(-d h) E(h) + d int_0^h e^(-d t) E(t) dt.
double bg_nbd_expected(const Setting& at, std::int64_t i, double horizon, double discount) {
  const auto [r, alpha, a, b] = at.parameters;
  const BgNbdParameters p{r, alpha, a, b};
  const PurchaseClock clock = clock_of(at, i);
  const double x = at.purchases.frequency[i], age = at.purchases.age[i];
  const auto within = [&](double time) {
    return time > 0.0 ? std::exp(bg_nbd_log_expected_alive(p, x, clock.at_end, time)) : 0.0;
  };
  static const special::QuadratureRule rule = special::gauss_legendre(3);
  double time = 0.0, sum = 0.0;
  each_piece(
      at.periods, i, at.scale, age, age + horizon, [&](std::int64_t row, double from, double to) {
        const double speed = at.multiplier.purchase[row], h = to - from;
        if (discount != 0.0) {
          const double steep =
              (r + x + 1.0) * speed * h / (alpha + clock.at_end + time) + std::abs(discount) * h;
          const auto parts = static_cast<int>(std::clamp(std::ceil(8.0 * steep), 1.0, 256.0));
          for (int k = 0; k < parts; ++k)
            for (std::size_t j = 0; j < rule.node.size(); ++j) {
              const double t = h * (k + rule.node[j]) / parts;
              sum += discount * std::exp(-discount * (from - age + t)) * rule.weight[j] * h /
                     parts * within(time + speed * t);
            }
        }
        time += speed * h;
      });
  sum += std::exp(-discount * horizon) * within(time);
  return expit(bg_nbd_log_odds(at, i, clock)) * sum;
}

/// body(setting, from, to, out) for blocks of customers.
template <class Body>
Buffer<double> of_customers(std::span<const double> parameters,
                            std::span<const double> coefficients, const RepeatPurchases& purchases,
                            const CovariatePeriods& periods, const Execution& execution,
                            const Body& body) {
  if (parameters.size() != 4)
    throw InvalidInput("parameters", -1, static_cast<double>(parameters.size()), "four");
  for (const double p : parameters)
    if (!(std::isnormal(p) && p > 0.0)) throw InvalidInput("parameters", -1, p, "finite and > 0");
  const auto multiplier = multipliers(periods, coefficients, execution);
  require_numbers(multiplier);
  const Setting at{purchases,    periods,
                   1.0,          {parameters[0], parameters[1], parameters[2], parameters[3]},
                   coefficients, multiplier};
  Buffer<double> out(purchases.rows());
  for_each_block(
      purchases.rows(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        body(at, from, to, out.data() + from);
      },
      kBlock);
  return out;
}

}  // namespace

Buffer<double> time_varying_log_odds_alive(TimeVaryingModel model,
                                           std::span<const double> parameters,
                                           std::span<const double> coefficients,
                                           const RepeatPurchases& purchases,
                                           const CovariatePeriods& periods,
                                           const Execution& execution) {
  require_valid(purchases, execution);
  require_valid(periods, purchases, 0.0, execution);
  return of_customers(parameters, coefficients, purchases, periods, execution,
                      [&](const Setting& at, std::int64_t from, std::int64_t to, double* out) {
                        if (model == TimeVaryingModel::pareto_nbd) {
                          std::vector<StayOrLeave> now(static_cast<std::size_t>(to - from));
                          pareto_nbd_weigh(at, from, to, now.data());
                          for (const StayOrLeave& n : now) *out++ = n.log_stay - std::log(n.leave);
                          return;
                        }
                        for (std::int64_t i = from; i < to; ++i)
                          *out++ = bg_nbd_log_odds(at, i, clock_of(at, i));
                      });
}

Buffer<double> time_varying_expected_purchases(TimeVaryingModel model,
                                               std::span<const double> parameters,
                                               std::span<const double> coefficients,
                                               const RepeatPurchases& purchases,
                                               const CovariatePeriods& periods, double horizon,
                                               double discount_rate, const Execution& execution) {
  if (!(horizon >= 0.0 && std::isfinite(horizon)))
    throw InvalidInput("horizon", -1, horizon, "finite and >= 0");
  if (!std::isfinite(discount_rate))
    throw InvalidInput("discount_rate", -1, discount_rate, "finite");
  require_valid(purchases, execution);
  require_valid(periods, purchases, horizon, execution);
  return of_customers(parameters, coefficients, purchases, periods, execution,
                      [&](const Setting& at, std::int64_t from, std::int64_t to, double* out) {
                        if (model == TimeVaryingModel::pareto_nbd) {
                          std::vector<StayOrLeave> now(static_cast<std::size_t>(to - from));
                          pareto_nbd_weigh(at, from, to, now.data());
                          for (std::int64_t i = from; i < to; ++i)
                            *out++ =
                                pareto_nbd_expected(at, i, now[static_cast<std::size_t>(i - from)],
                                                    horizon, discount_rate);
                          return;
                        }
                        for (std::int64_t i = from; i < to; ++i)
                          *out++ = bg_nbd_expected(at, i, horizon, discount_rate);
                      });
}

}  // namespace tenure::clv
