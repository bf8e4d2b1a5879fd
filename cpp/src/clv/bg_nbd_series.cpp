#include "bg_nbd_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beta_mean.hpp"
#include "leaving_mean.hpp"
#include "time_left.hpp"

namespace tenure::clv {

using namespace series;

double bg_nbd_log_expected_alive(const BgNbdParameters& p, double x, double age, double horizon) {
  if (!(horizon > 0.0)) return -std::numeric_limits<double>::infinity();
  const double m = p.r + x, b = p.b + x, c = p.a + b;
  if (std::isinf(horizon)) return std::log1p(b / (p.a - 1.0));  // the mean of 1/p over beta(a, b)
  const double w = horizon / (p.alpha + age);
  const double z = w / (1.0 + w);
  const double log_none = -m * std::log1p(w);  // P(K = 0)
  if (series_length(m, z) > kLongestSeries) {
    return log_beta_mean(p.a, b, w, m + 1.0, std::log(m * w), [&](double q) {
      const double y = m * std::log1p(q * w);
      return std::log(-std::expm1(-y) / q);
    });
  }

  const bool tiny = log_none < -690.0;
  ScaledSum s{tiny ? log_none : 0.0};
  double pmf = tiny ? 1.0 : std::exp(log_none);
  double outlived = 0.0, chance = 1.0;
  for (double k = 1.0;; k += 1.0) {
    pmf *= z * (m + k - 1.0) / k;
    outlived += chance;
    chance *= (b + k - 1.0) / (c + k - 1.0);
    const double term = pmf * outlived;
    s.sum += term;
    // From here on terms fall at least by this ratio a step; H_k grows by (k + 1)/k at most.
    const double ratio = std::max(z, z * (m + k) / (k + 1.0)) * (k + 1.0) / k;
    if (ratio < 1.0 && !(term * ratio > kEpsilon * (1.0 - ratio) * s.sum)) break;
    if (tiny) s.rescale(pmf);
  }
  return s.log();
}

double bg_nbd_log_discounted_alive(const BgNbdParameters& p, double x, double age, double horizon,
                                   double discount_rate) {
  if (discount_rate == 0.0) return bg_nbd_log_expected_alive(p, x, age, horizon);
  if (!(horizon > 0.0)) return -std::numeric_limits<double>::infinity();
  const double m = p.r + x, start = p.alpha + age;
  // Given p, purchases come at the rate m/start (1 + p t/start)^-(m + 1) at t from now.
  const double told = discount_rate > 0.0 ? std::min(horizon, 45.0 / discount_rate) : horizon;
  if (const double c = p.a + p.b + x; discount_rate > 0.0 && has_leaving_mean(m + 1.0, p.a, c))
    return std::log(m *
                    discounted_leaving_mean(m + 1.0, p.a, c, discount_rate * start, told / start));
  const double log_at_zero = std::log(m * told / start) + std::log(shrink(discount_rate * told));
  return log_beta_mean(p.a, p.b + x, told / start, m + 1.0, log_at_zero, [&](double leave) {
    return std::log(m / leave) + log_time_left(start / leave, m + 1.0, horizon, discount_rate);
  });
}

}  // namespace tenure::clv
