#pragma once
#include <span>
#include <vector>

namespace tenure::clv {

/// log of the rising factorial s (s + 1) ... (s + x - 1) = Gamma(s + x) / Gamma(s), and its first
/// and second derivative in s.
struct RisingFactorial {
  double log = 0.0;
  double first = 0.0;   ///< psi(s + x) - psi(s) = sum of 1 / (s + k)
  double second = 0.0;  ///< psi'(s + x) - psi'(s) = -sum of 1 / (s + k)^2
};

/// For s > 0 and any real x >= 0, where it is Gamma(s + x) / Gamma(s). Relative error below 1e-14
/// from s = 16 on; below, of the size of the rounding of the two gamma functions. Constant cost.
RisingFactorial rising_factorial(double s, double x);

/// For ascending whole x >= 0 and s > 0. Sums of positive terms over short gaps, differences of
/// gamma functions over long ones: relative error below 1e-12 for any s, as nothing cancels.
/// O(number of x + largest short run): made to be rebuilt at each evaluation of a likelihood.
std::vector<RisingFactorial> rising_factorials(double s, std::span<const double> ascending_x);

}  // namespace tenure::clv
