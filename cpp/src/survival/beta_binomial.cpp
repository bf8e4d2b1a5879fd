#include "tenure/survival/beta_binomial.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tenure/support/errors.hpp"

namespace tenure::survival {
namespace {

constexpr double kNothing = 1e-20;  // beside the term at the mean

/// P(k + 1) / P(k).
double step_up(double k, double n, double a, double b) {
  return (n - k) / (k + 1.0) * ((a + k) / (b + n - k - 1.0));
}

}  // namespace

CountLimits beta_binomial_limits(std::int64_t n, double a, double b, double level) {
  if (n < 0 || n > (std::int64_t{1} << 31))
    throw InvalidInput("n", -1, static_cast<double>(n), "from 0 to 2^31");
  if (!(a > 0.0 && std::isfinite(a))) throw InvalidInput("a", -1, a, "finite and > 0");
  if (!(b > 0.0 && std::isfinite(b))) throw InvalidInput("b", -1, b, "finite and > 0");
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput("level", -1, level, "between 0 and 1");
  const auto size = static_cast<double>(n);
  const auto centre =
      std::min(n, static_cast<std::int64_t>(std::floor((size + 1.0) * (a / (a + b)))));
  // With a or b below 1 there is mass at an end however far away: then nothing is left out.
  const bool one_peak = a >= 1.0 && b >= 1.0;
  const auto matters = [&](double term, double ratio) {
    return !(one_peak && term < kNothing && ratio < 1.0);
  };

  std::vector<double> below;  // from the one beside the centre downwards
  double term = 1.0;
  for (std::int64_t k = centre; k > 0; --k) {
    const double ratio = 1.0 / step_up(static_cast<double>(k - 1), size, a, b);
    term *= ratio;
    if (!matters(term, ratio)) break;
    below.push_back(term);
  }
  std::vector<double> mass(below.rbegin(), below.rend());
  const std::int64_t first = centre - std::ssize(below);
  mass.push_back(1.0);
  term = 1.0;
  for (std::int64_t k = centre; k < n; ++k) {
    const double ratio = step_up(static_cast<double>(k), size, a, b);
    term *= ratio;
    if (!matters(term, ratio)) break;
    mass.push_back(term);
  }
  double total = 0.0;
  for (const double m : mass) total += m;

  CountLimits out{n, n};
  const double low = 0.5 * (1.0 - level) * total, high = 0.5 * (1.0 + level) * total;
  double sum = 0.0;
  bool has_lower = false;
  for (std::int64_t i = 0; i < std::ssize(mass); ++i) {
    sum += mass[static_cast<std::size_t>(i)];
    if (!has_lower && sum > low) {
      out.lower = first + i;
      has_lower = true;
    }
    if (sum >= high) {
      out.upper = first + i;
      break;
    }
  }
  return out;
}

}  // namespace tenure::survival
