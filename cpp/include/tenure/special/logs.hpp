#pragma once
#include <cmath>
#include <limits>

namespace tenure::special {

/// log(exp(a) + exp(b)) without overflow. -inf is the log of 0.
inline double log_sum_exp(double a, double b) {
  const double high = a > b ? a : b;
  const double low = a > b ? b : a;
  // Both -inf, or one +inf: the difference would be NaN. A NaN argument falls through.
  if (high == low) return high + 0.69314718055994530942;
  if (std::isinf(high) && high > 0.0) return std::isnan(low) ? low : high;
  return high + std::log1p(std::exp(low - high));
}

/// log(1 - exp(x)) for x <= 0; -inf at 0, NaN above. [Maechler 2012, Rmpfr vignette "log1mexp", eq.
/// 7]
inline double log1m_exp(double x) {
  return x > -0.69314718055994530942 ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
}

/// log(exp(a) - exp(b)) for a >= b; -inf if they are equal, NaN if a < b.
inline double log_diff_exp(double a, double b) {
  if (a == b) return -std::numeric_limits<double>::infinity();
  return a + log1m_exp(b - a);
}

}  // namespace tenure::special
