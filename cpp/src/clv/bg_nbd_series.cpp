#include "bg_nbd_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/special/beta.hpp"
#include "time_left.hpp"

namespace tenure::clv {
namespace {

constexpr double kEpsilon = 1e-17;
constexpr double kLongestSeries = 4096.0;  // about where the quadrature becomes cheaper

/// A positive sum that may begin far below the smallest double: kept relative to exp(shift).
struct ScaledSum {
  double shift;
  double sum = 0.0;

  void rescale(double& term) {
    constexpr double kTooLarge = 0x1p+800;
    if (sum < kTooLarge && term < kTooLarge) return;
    term /= kTooLarge;
    sum /= kTooLarge;
    shift += 800.0 * 0.693147180559945309417;
  }
  double log() const { return shift + std::log(sum); }
};

/// Terms until NB(m, z) has run out: its mean and a tail, which falls by z a step in the end.
double series_length(double m, double z) {
  return (m * z + 40.0 + 10.0 * std::sqrt(m * z)) / (1.0 - z);
}

/// log of the mean of g(p) under p ~ beta(a, b), for smooth positive g with limit g(0) = g_zero, by
/// the trapezoidal rule in y = logit p: analytic there, so that the error falls geometrically with
/// the number of nodes. g falls in p, no faster than (1 + p w)^-power, and is constant to rounding
/// where p w power < 1e-18.
template <class LogG>
double log_beta_mean(double a, double b, double w, double power, double log_g_zero,
                     const LogG& log_g) {
  // So narrow that log B would cancel: p is a constant to more digits than the sum would have.
  if (1.0 / a + 1.0 / b < 1e-10) return log_g(a / (a + b));
  const double log_norm = special::log_beta(a, b);
  // Nodes closer than the narrowest feature, be it of the density or of its product with g.
  const double h = std::min(0.2, 0.6 * std::sqrt(1.0 / a + 1.0 / (b + power)));
  const auto log_term = [&](double y) {
    const double log_p = y < 0.0 ? y - std::log1p(std::exp(y)) : -std::log1p(std::exp(-y));
    const double log_q = y < 0.0 ? -std::log1p(std::exp(y)) : -y - std::log1p(std::exp(-y));
    return a * log_p + b * log_q - log_norm + log_g(std::exp(log_p));
  };
  const double middle = std::log(a) - std::log(b);
  double peak = log_term(middle), best = middle;
  // As g falls, the mode lies to the left of the density's.
  for (double y = middle - h; y > middle - 800.0; y -= h) {
    const double term = log_term(y);
    if (term > peak) {
      peak = term;
      best = y;
    } else if (term < peak - 1.0) {
      break;
    }
  }
  double sum = 0.0;
  for (double y = best;; y += h) {
    const double term = std::exp(log_term(y) - peak);
    sum += term;
    if (!(term > kEpsilon * sum) || y > best + 1e4) break;
  }
  const double flat = std::log(1e-18) - std::log(std::max(w * power, 1.0));
  for (double y = best - h;; y -= h) {
    if (y < flat) {
      // exp(a y) times constants from here to minus infinity: a geometric series.
      sum += std::exp(a * y - log_norm + log_g_zero - peak) / -std::expm1(-a * h);
      break;
    }
    const double term = std::exp(log_term(y) - peak);
    sum += term;
    // The terms to come fall by exp(-a h) at least.
    if (term < kEpsilon * sum * -std::expm1(-a * h)) break;
  }
  return peak + std::log(sum * h);
}

}  // namespace

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
  const double log_at_zero = std::log(m * told / start) + std::log(shrink(discount_rate * told));
  return log_beta_mean(p.a, p.b + x, told / start, m + 1.0, log_at_zero, [&](double leave) {
    return std::log(m / leave) + log_time_left(start / leave, m + 1.0, horizon, discount_rate);
  });
}

}  // namespace tenure::clv
