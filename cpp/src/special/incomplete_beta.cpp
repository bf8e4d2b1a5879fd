#include "tenure/special/incomplete_beta.hpp"

#include <cmath>
#include <limits>

#include "tenure/special/beta.hpp"

namespace tenure::special {
namespace {

constexpr double kTiny = 1e-300;

/// x^a (1 - x)^b / (a B(a, b)) times the continued fraction, by the modified Lentz method.
double lower_tail(double a, double b, double x, double y) {
  const double log_x = x < 0.5 ? std::log(x) : std::log1p(-y);
  const double log_y = y < 0.5 ? std::log(y) : std::log1p(-x);
  const double front = std::exp(a * log_x + b * log_y - log_beta(a, b)) / a;
  double c = 1.0;
  double d = 1.0 / (1.0 - (a + b) * x / (a + 1.0));
  double f = d;
  for (double m = 1.0; m < 1e6; m += 1.0) {
    const auto step = [&](double coefficient) {
      d = 1.0 + coefficient * d;
      c = 1.0 + coefficient / c;
      d = 1.0 / (std::abs(d) < kTiny ? kTiny : d);
      c = std::abs(c) < kTiny ? kTiny : c;
      f *= c * d;
      return c * d;
    };
    step(m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    if (std::abs(step(odd) - 1.0) < std::numeric_limits<double>::epsilon()) break;
  }
  return front * f;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  if (!(a > 0.0 && b > 0.0 && x >= 0.0 && x <= 1.0))
    return std::numeric_limits<double>::quiet_NaN();
  if (x == 0.0 || x == 1.0) return x;
  const double y = 1.0 - x;
  if (x < (a + 1.0) / (a + b + 2.0)) return lower_tail(a, b, x, y);
  return 1.0 - lower_tail(b, a, y, x);
}

}  // namespace tenure::special
