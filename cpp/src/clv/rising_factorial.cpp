#include "tenure/clv/rising_factorial.hpp"

#include <cmath>

#include "tenure/special/gamma.hpp"

namespace tenure::clv {
namespace {

// A step up is about as dear as three gamma functions; longer gaps jump.
constexpr double kLongestGap = 32.0;
// From here on the asymptotic series below are exact to rounding.
constexpr double kLargeArgument = 16.0;

}  // namespace

// Differences of the series of psi and psi' [DLMF 5.11.2 and its derivative], taken term by term:
// with u = 1/s and v = 1/(s + x) each is u^k - v^k = (u - v)(...), where u - v = u v x.
RisingFactorial rising_factorial(double s, double x) {
  RisingFactorial f;
  f.log = special::log_gamma_ratio(s, x);
  if (s < kLargeArgument) {
    f.first = special::digamma(s + x) - special::digamma(s);
    f.second = special::trigamma(s + x) - special::trigamma(s);
    return f;
  }
  const double u = 1.0 / s, v = 1.0 / (s + x);
  const double d1 = u * v * x;
  const double u2 = u * u, v2 = v * v;
  const double d2 = d1 * (u + v);
  const double d3 = d1 * (u2 + u * v + v2);
  const double d4 = d2 * (u2 + v2);
  const double d5 = d1 * (u2 * u2 + u * v * (u2 + v2) + u2 * v2 + v2 * v2);
  const double d6 = d2 * (u2 * u2 + u2 * v2 + v2 * v2);
  const double d7 = u * d6 + v2 * v2 * v2 * d1;
  const double d8 = d4 * (u2 * u2 + v2 * v2);
  const double d9 = u * d8 + v2 * v2 * v2 * v2 * d1;
  f.first = std::log1p(x * u) + d1 / 2.0 + d2 / 12.0 - d4 / 120.0 + d6 / 252.0 - d8 / 240.0;
  f.second = -(d1 + d2 / 2.0 + d3 / 6.0 - d5 / 30.0 + d7 / 42.0 - d9 / 30.0);
  return f;
}

std::vector<RisingFactorial> rising_factorials(double s, std::span<const double> ascending_x) {
  std::vector<RisingFactorial> table;
  table.reserve(ascending_x.size());
  RisingFactorial f;
  double reached = 0.0;
  for (const double x : ascending_x) {
    if (x - reached > kLongestGap) {
      f = rising_factorial(s, x);
    } else {
      for (double k = reached; k < x; k += 1.0) {
        const double inverse = 1.0 / (s + k);
        f.log += std::log(s + k);
        f.first += inverse;
        f.second -= inverse * inverse;
      }
    }
    reached = x;
    table.push_back(f);
  }
  return table;
}

}  // namespace tenure::clv
