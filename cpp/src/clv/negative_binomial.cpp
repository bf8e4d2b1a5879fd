#include "negative_binomial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/special/gamma.hpp"

namespace tenure::clv::negative_binomial {
namespace {

/// The continued fraction of the incomplete beta function, I_x(a, b) = x^a (1 - x)^b / (a B(a, b))
/// times this, by Lentz' method. [DLMF 8.17.22] Fast for x < (a + 1)/(a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto nonzero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1.0;
  double d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
  double value = d;
  for (double k = 1.0; k < 1e5; k += 1.0) {
    const double even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
    d = 1.0 / nonzero(1.0 + even * d);
    c = nonzero(1.0 + even / c);
    value *= d * c;
    const double odd = -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0));
    d = 1.0 / nonzero(1.0 + odd * d);
    c = nonzero(1.0 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1.0) < 1e-16) break;
  }
  return value;
}

/// The share of the odds, short of 1 where it would round to it.
double share(double w) { return std::min(w / (1.0 + w), 1.0 - 0x1p-53); }

}  // namespace

double log_pmf(double m, double w, double n) {
  if (n == 0.0) return -m * std::log1p(w);
  if (w == 0.0) return -std::numeric_limits<double>::infinity();
  return special::log_gamma_ratio(m, n) - special::lgamma(n + 1.0) - m * std::log1p(w) -
         n * std::log1p(1.0 / w);
}

double tail(double m, double w, double n, double pmf) {
  const double z = share(w);
  if (z < (n + 1.0) / (n + m + 2.0)) return pmf * beta_fraction(n, m, z);
  return 1.0 - pmf * (n / m) * beta_fraction(m, n, 1.0 - z);
}

}  // namespace tenure::clv::negative_binomial
