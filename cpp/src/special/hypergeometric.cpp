#include "tenure/special/hypergeometric.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

namespace tenure::special {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr std::int64_t kMaxTerms = 20'000'000;

struct Series {
  double log_sum;
  double condition;  ///< sum of |terms| / |sum|
  std::int64_t terms;
};

/// log of sum_k (a)_k (b)_k / (c)_k z^k / k!, rescaled on the way; a and b of any sign.
Series sum_series(double a, double b, double c, double z) {
  constexpr double kBig = 0x1p900;
  double term = 1.0, sum = 1.0, absolute = 1.0, carry = 0.0, log_scale = 0.0;
  for (std::int64_t k = 0; k < kMaxTerms; ++k) {
    const double n = static_cast<double>(k);
    const double ratio = ((a + n) * (b + n)) / ((c + n) * (1.0 + n)) * z;
    term *= ratio;
    if (term == 0.0) return {std::log(sum + carry) + log_scale, absolute / sum, k};
    const double before = sum;
    sum += term;
    carry += std::abs(before) >= std::abs(term) ? (before - sum) + term : (term - sum) + before;
    absolute += std::abs(term);
    if (absolute > kBig) {
      term /= kBig;
      sum /= kBig;
      carry /= kBig;
      absolute /= kBig;
      log_scale += 900.0 * 0.69314718055994530942;
    }
    // From here on ratios rise towards z or fall towards it; either way the tail is below this
    // bound.
    const double bound = std::max(std::abs(ratio), z);
    if (bound < 1.0 && n > -a && n > -b &&
        std::abs(term) * bound < 0.1 * kEpsilon * (1.0 - bound) * std::abs(sum))
      return {std::log(sum + carry) + log_scale, absolute / std::abs(sum), k};
  }
  return {kNaN, kNaN, kMaxTerms};
}

}  // namespace

double log_hyp2f1(double a, double b, double c, double z) {
  if (!(a > 0.0) || !(b > 0.0) || !(c > 0.0) || !(z >= 0.0) || !(z < 1.0) || std::isinf(a + b + c))
    return kNaN;
  if (z == 0.0) return 0.0;
  const double excess = c - a - b;
  if (excess < 0.0) {
    const auto euler = sum_series(c - a, c - b, c, z);
    if (euler.condition < 20.0) return excess * std::log1p(-z) + euler.log_sum;
  }
  return sum_series(a, b, c, z).log_sum;
}

}  // namespace tenure::special
