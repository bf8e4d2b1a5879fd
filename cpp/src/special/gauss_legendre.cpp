#include "tenure/special/gauss_legendre.hpp"

#include <cmath>
#include <numbers>

namespace tenure::special {

QuadratureRule gauss_legendre(int n) {
  const auto size = static_cast<std::size_t>(n);
  QuadratureRule rule{std::vector<double>(size), std::vector<double>(size)};
  for (int i = 0; i < (n + 1) / 2; ++i) {
    // [Abramowitz & Stegun 22.16.6] close enough for Newton's method to need few steps.
    double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5));
    double slope = 0.0;
    for (int step = 0; step < 100; ++step) {
      double value = x, before = 1.0;  // P_1 and P_0
      for (int k = 2; k <= n; ++k) {
        const double next = ((2 * k - 1) * x * value - (k - 1) * before) / k;
        before = value;
        value = next;
      }
      slope = n * (x * value - before) / (x * x - 1.0);
      const double change = value / slope;
      x -= change;
      if (std::abs(change) <= 1e-16) break;
    }
    const double weight = 1.0 / ((1.0 - x * x) * slope * slope);
    const auto low = static_cast<std::size_t>(i), high = static_cast<std::size_t>(n - 1 - i);
    rule.node[low] = 0.5 * (1.0 - x);
    rule.node[high] = 0.5 * (1.0 + x);
    rule.weight[low] = rule.weight[high] = weight;
  }
  return rule;
}

}  // namespace tenure::special
