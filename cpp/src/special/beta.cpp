#include "tenure/special/beta.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stirling.hpp"
#include "tenure/special/gamma.hpp"

namespace tenure::special {

double log_beta(double a, double b) {
  if (!(a >= 0.0) || !(b >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
  if (a > b) std::swap(a, b);
  if (a == 0.0 || std::isinf(b)) {
    if (a == 0.0 && std::isinf(b)) return std::numeric_limits<double>::quiet_NaN();
    return a == 0.0 ? std::numeric_limits<double>::infinity()
                    : -std::numeric_limits<double>::infinity();
  }
  if (a < 16.0) return lgamma(a) - log_gamma_ratio(b, a);
  // Every term but the constant and the corrections is negative: nothing cancels.
  constexpr double kHalfLog2Pi = 0.91893853320467274178;
  const double h = a / b;
  const double correction = stirling_correction(a) - stirling_difference(b, a);
  const double u = (a - 0.5) * (std::log(h) - std::log1p(h));
  return ((kHalfLog2Pi - 0.5 * std::log(b)) + correction) + u - b * std::log1p(h);
}

}  // namespace tenure::special
