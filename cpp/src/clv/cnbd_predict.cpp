#include <algorithm>
#include <cmath>
#include <limits>

#include "bg_nbd_family.hpp"
#include "cnbd_phases.hpp"
#include "cnbd_series.hpp"
#include "counts.hpp"
#include "horizon.hpp"
#include "negative_binomial.hpp"
#include "tenure/clv/by_age.hpp"
#include "tenure/clv/cnbd.hpp"
#include "tenure/special/beta.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr const char* kDiverges = "finite where nothing is discounted and a <= 1: the sum diverges";

/// The chance to outlive the first purchase.
double stays(const CnbdModel& model, const BgNbdParameters& p) {
  return model.who == OneTimeBuyers::stay ? 1.0 : p.b / (p.a + p.b);
}

double largest_sure(const CnbdModel& model) {
  return model.who == OneTimeBuyers::stay ? 0.0 : -1.0;
}

double log_odds(const BgNbdParameters& p, int k, double sure, double x, double t_x, double age) {
  if (!(x > sure)) return kInfinity;
  const Phases phases(k, p.r + k * x);
  const double y = (age - t_x) / (p.alpha + age);
  double term = 1.0, sum = 1.0;
  for (int j = 1; j < k; ++j) sum += term *= y * phases.step[static_cast<std::size_t>(j)];
  const double ratio = std::min((age - t_x) / (p.alpha + t_x), 1e300);
  return std::log(sum) - phases.m * std::log1p(ratio) + std::log(p.b + (x - 1.0)) - std::log(p.a);
}

template <class Value>
Buffer<double> by_row(const CnbdModel& model, const BgNbdParameters& parameters,
                      const RepeatPurchases& c, const Execution& execution, const Value& value) {
  const BgNbdParameters p = outlived(model, parameters);
  require_valid(c, execution);
  Buffer<double> out(c.rows());
  for_each_block(c.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i)
      out[i] = value(
          log_odds(p, model.shape, largest_sure(model), c.frequency[i], c.recency[i], c.age[i]));
  });
  return out;
}

}  // namespace

BgNbdParameters outlived(const CnbdModel& model, const BgNbdParameters& p) {
  require_valid(model);
  require_valid(p);
  return {p.r, p.alpha, p.a, model.who == OneTimeBuyers::stay ? p.b : p.b + 1.0};
}

void require_valid(const CnbdPoint& point) {
  require_valid(point.model);
  require_valid(point.parameters);
}

Buffer<double> cnbd_log_odds_alive(const CnbdModel& model, const BgNbdParameters& parameters,
                                   const RepeatPurchases& purchases, const Execution& execution) {
  if (model.shape == 1)
    return log_odds_alive(outlived(model, parameters), model.who, purchases, execution);
  return by_row(model, parameters, purchases, execution, [](double odds) { return odds; });
}

Buffer<double> cnbd_probability_alive(const CnbdModel& model, const BgNbdParameters& parameters,
                                      const RepeatPurchases& purchases,
                                      const Execution& execution) {
  if (model.shape == 1)
    return probability_alive(outlived(model, parameters), model.who, purchases, execution);
  return by_row(model, parameters, purchases, execution,
                [](double odds) { return 1.0 / (1.0 + std::exp(-odds)); });
}

Buffer<double> cnbd_expected_purchases(const CnbdModel& model, const BgNbdParameters& parameters,
                                       const RepeatPurchases& purchases, double horizon,
                                       double discount_rate, const Execution& execution) {
  const BgNbdParameters p = outlived(model, parameters);
  const int k = model.shape;
  if (k == 1) return expected_purchases(p, model.who, purchases, horizon, discount_rate, execution);
  require_horizon(horizon, discount_rate, p.a > 1.0, kDiverges);
  Buffer<double> alive = cnbd_probability_alive(model, parameters, purchases, execution);
  if (horizon == 0.0) {
    std::ranges::fill(alive.span(), 0.0);
    return alive;
  }
  const std::int64_t rows = alive.size();
  Buffer<double> weight(rows), weights(rows), total(rows);
  std::ranges::fill(weight.span(), 1.0);
  std::ranges::fill(weights.span(), 0.0);
  std::ranges::fill(total.span(), 0.0);
  for (int j = 0; j < k; ++j) {
    const Buffer<double> if_passed = exp_by_age(
        purchases.frequency, purchases.age, p.alpha,
        [&](double x, double age) {
          execution.poll();  // one of them may take milliseconds
          return cnbd_log_discounted_alive(p, k, j, x, age, horizon, discount_rate);
        },
        execution);
    for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i) {
        weights[i] += weight[i];
        total[i] += weight[i] * if_passed[i];
        const double m = p.r + k * purchases.frequency[i];
        weight[i] *= (purchases.age[i] - purchases.recency[i]) / (p.alpha + purchases.age[i]) *
                     ((m + j) / (j + 1.0));
      }
    });
  }
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) total[i] *= alive[i] / weights[i];
  });
  return total;
}

Buffer<double> cnbd_expected_purchases_new(const CnbdModel& model,
                                           const BgNbdParameters& parameters,
                                           std::span<const double> time,
                                           const Execution& execution) {
  const BgNbdParameters p = outlived(model, parameters);
  const double stay = stays(model, parameters);
  return of_times(time, 256, execution, [&](double t) {
    return stay * std::exp(cnbd_log_expected_alive(p, model.shape, 0, 0.0, 0.0, t));
  });
}

Buffer<double> cnbd_pmf(const CnbdModel& model, const BgNbdParameters& parameters,
                        std::span<const double> count, double time, const Execution& execution) {
  const BgNbdParameters p = outlived(model, parameters);
  require_time("horizon", time);
  const double w = time / p.alpha;
  const auto nb = [&](double n) { return std::exp(negative_binomial::log_pmf(p.r, w, n)); };
  const double log_norm = special::log_beta(p.a, p.b);
  const double stay = stays(model, parameters);
  return of_counts(count, 256, execution, [&](double n) {
    // The n-th purchase is the (k n)-th tick.
    const double first = nb(model.shape * n);
    double exactly = first;
    for (int l = 1; l < model.shape; ++l) exactly += nb(model.shape * n + l);
    double chance = std::exp(special::log_beta(p.a, p.b + n) - log_norm) * exactly;
    if (n > 0.0)
      chance += std::exp(special::log_beta(p.a + 1.0, p.b + n - 1.0) - log_norm) *
                negative_binomial::tail(p.r, w, model.shape * n, first);
    return stay * chance +
           (n == 0.0 && stay < 1.0 ? parameters.a / (parameters.a + parameters.b) : 0.0);
  });
}

std::vector<double> cnbd_frequency_counts(const CnbdModel& model, const BgNbdParameters& parameters,
                                          std::span<const double> age,
                                          std::optional<std::span<const double>> weight,
                                          std::int64_t frequencies, const Execution& execution) {
  const BgNbdParameters p = outlived(model, parameters);
  require_valid_ages(age, weight, execution);
  require_frequencies(frequencies);
  const auto size = static_cast<std::size_t>(frequencies) + 1;
  // Chance to be alive after n purchases, and to leave at the n-th: the same for every T.
  const double stay = stays(model, parameters);
  std::vector<double> survives(size, stay), left(size, 0.0);
  for (std::size_t n = 1; n < size; ++n) {
    const double j = static_cast<double>(n) - 1.0;
    left[n] = survives[n - 1] * p.a / (p.a + p.b + j);
    survives[n] = survives[n - 1] * (p.b + j) / (p.a + p.b + j);
  }
  return counts_of_each(age, weight, frequencies, execution, [&](double t, const auto& tell) {
    const double u = t / p.alpha, z = u / (1.0 + u);
    double pmf = std::exp(-p.r * std::log1p(u)), tick = 0.0, below = 0.0;  // below: P(J < k n)
    for (std::size_t n = 0; n + 1 < size; ++n) {
      double exactly = 0.0;
      for (int l = 0; l < model.shape; ++l) {
        exactly += pmf;
        pmf *= z * (p.r + tick) / (tick + 1.0);
        tick += 1.0;
      }
      tell(n, survives[n] * exactly + left[n] * std::max(0.0, 1.0 - below) +
                  (n == 0 ? 1.0 - stay : 0.0));
      below += exactly;
    }
  });
}

}  // namespace tenure::clv
