#include "bg_nbd_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/special/beta.hpp"
#include "tenure/special/gauss_legendre.hpp"

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

double bg_nbd_log_rate_alive(const BgNbdParameters& p, double x, double age, double after) {
  const double m = p.r + x, b = p.b + x, c = p.a + b;
  const double w = after / (p.alpha + age);
  const double z = w / (1.0 + w);
  const double log_rate = std::log(m) - std::log(p.alpha + age);  // at once
  const double log_none = -(m + 1.0) * std::log1p(w);
  if (series_length(m + 1.0, z) > kLongestSeries) {
    return log_rate + log_beta_mean(p.a, b, w, m + 1.0, 0.0,
                                    [&](double q) { return -(m + 1.0) * std::log1p(q * w); });
  }

  const bool tiny = log_none < -690.0;
  ScaledSum s{tiny ? log_none : 0.0};
  double term = tiny ? 1.0 : std::exp(log_none);  // P(K = k) times the chance to outlive k
  s.sum = term;
  for (double k = 1.0;; k += 1.0) {
    term *= z * (m + k) / k * ((b + k - 1.0) / (c + k - 1.0));
    s.sum += term;
    const double ratio = std::max(z, z * (m + k + 1.0) / (k + 1.0));
    if (ratio < 1.0 && !(term * ratio > kEpsilon * (1.0 - ratio) * s.sum)) break;
    if (tiny) s.rescale(term);
  }
  return log_rate + s.log();
}

double bg_nbd_log_discounted_alive(const BgNbdParameters& p, double x, double age, double horizon,
                                   double discount_rate) {
  if (discount_rate == 0.0) return bg_nbd_log_expected_alive(p, x, age, horizon);
  if (!(horizon > 0.0)) return -std::numeric_limits<double>::infinity();
  static const special::QuadratureRule rule = special::gauss_legendre(16);
  const double start = p.alpha + age;
  double sum = 0.0;
  // Panels over which age grows by e^3 and the discount changes by e^8 at most: in both measures
  // the integrand is then so smooth that 16 nodes resolve it to rounding. [docs/methods/clv.md]
  for (double from = 0.0; from < horizon;) {
    const double longest = std::min(19.0 * (start + from), 8.0 / std::abs(discount_rate));
    const double to = std::min(horizon, from + longest);
    if (discount_rate * from > 45.0) break;  // what is left counts for nothing any more
    const double length = std::log1p((to - from) / (start + from));
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double grown = (start + from) * std::exp(length * rule.node[j]);
      const double after = std::clamp(grown - start, from, to);
      sum += rule.weight[j] * length * grown *
             std::exp(bg_nbd_log_rate_alive(p, x, age, after) - discount_rate * after);
    }
    from = to;
  }
  return std::log(sum);
}

}  // namespace tenure::clv
