#pragma once
#include <cmath>

namespace tenure::clv {

/// The root of an increasing function between low < 0 and high >= 0 of it: Newton's method, and
/// bisection where that leaves the bracket. `f` gives value and slope. Ends when a step is below
/// `tolerance`.
template <class F>
double increasing_root(double low, double high, double tolerance, const F& f) {
  double at = 0.5 * (low + high);
  for (int k = 0; k < 200; ++k) {
    const auto [value, slope] = f(at);
    (value < 0.0 ? low : high) = at;
    double next = at - value / slope;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    const double step = std::abs(next - at);
    at = next;
    if (step <= tolerance) break;
  }
  return at;
}

}  // namespace tenure::clv
