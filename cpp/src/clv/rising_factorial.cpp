#include "tenure/clv/rising_factorial.hpp"

#include <cmath>

#include "tenure/special/gamma.hpp"
#include "tenure/special/gamma_cross.hpp"

namespace tenure::clv {
namespace {

// A step up is about as dear as three gamma functions; longer gaps jump.
constexpr double kLongestGap = 32.0;
// From here on the difference is that of asymptotic series, exact to rounding.
constexpr double kLargeArgument = 16.0;

}  // namespace

RisingFactorial rising_factorial(double s, double x) {
  RisingFactorial f;
  f.log = special::log_gamma_ratio(s, x);
  if (s < kLargeArgument) {
    f.first = special::digamma(s + x) - special::digamma(s);
    f.second = special::trigamma(s + x) - special::trigamma(s);
    return f;
  }
  const special::GammaDifference d = special::gamma_difference(s, x);
  f.first = d.digamma;
  f.second = d.trigamma;
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
