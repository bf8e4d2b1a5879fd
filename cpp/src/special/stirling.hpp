#pragma once
#include <cmath>

namespace tenure::special {

/// Coefficients of Stirling's series S(x) = sum c_k / x^(2k+1), c_k = B_{2k+2} / ((2k+1)(2k+2)).
/// For x >= 16 the first term left out is below 2e-19. [DLMF 5.11.1]
inline constexpr double kStirling[7] = {1.0 / 12,   -1.0 / 360,        1.0 / 1260, -1.0 / 1680,
                                        1.0 / 1188, -691.0 / 360360.0, 1.0 / 156};

/// S(x) for x >= 16.
inline double stirling_correction(double x) {
  const double u = 1.0 / x;
  const double w = u * u;
  double p = kStirling[6];
  for (int k = 5; k >= 0; --k) p = kStirling[k] + w * p;
  return u * p;
}

/// S(x + n) - S(x) for x >= 16, n >= 0, proportional to n for small n: with u = 1/x, v = 1/(x+n)
/// and S = u P(u^2) it is (v - u) P(v^2) + u (v^2 - u^2) P[u^2, v^2], P[,] the divided difference.
inline double stirling_difference(double x, double n) {
  const double u = 1.0 / x;
  const double v = 1.0 / (x + n);
  const double w = u * u;
  const double y = v * v;
  double p = kStirling[6];
  double divided = 0.0;
  for (int k = 5; k >= 0; --k) {
    divided = p + w * divided;
    p = kStirling[k] + y * p;
  }
  const double step = -n * u * v;  // v - u
  return step * (p + u * (u + v) * divided);
}

/// log Gamma(x + n) - log Gamma(x) for x >= 16, n >= 0.
inline double log_gamma_ratio_large(double x, double n) {
  const double main = (x - 0.5) * std::log1p(n / x) - n;
  return n * std::log(x + n) + (main + stirling_difference(x, n));
}

}  // namespace tenure::special
