#pragma once
#include <algorithm>
#include <cmath>

#include "tenure/special/beta.hpp"

/// Sums that expectations are made of: long series of positive terms, and means over p ~ beta(a,
/// b).
namespace tenure::clv::series {

inline constexpr double kEpsilon = 1e-17;
inline constexpr double kLongestSeries = 4096.0;  // about where the quadrature becomes cheaper

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
inline double series_length(double m, double z) {
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
  const double flat = std::log(1e-18) - std::log(std::max(w * power, 1.0));
  // As g falls, the mode lies to the left of the density's.
  for (double y = middle - h; y > flat; y -= h) {
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

}  // namespace tenure::clv::series
