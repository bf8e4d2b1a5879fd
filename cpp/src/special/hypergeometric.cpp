#include "tenure/special/hypergeometric.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tenure::special {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kLog2 = 0.69314718055994530942;

struct Series {
  double log_sum;  ///< NaN if the series was given up
  double error;    ///< estimate of the error of log_sum: three standard deviations of the roundings
  double condition;  ///< sum of |terms| / |sum|
};

/// log of sum_k (a)_k (b)_k / (c)_k z^k / k!, c > 0, a and b of any sign, in blocks of eight terms:
/// the eight ratios vectorise, and only one multiplication a block waits for the block before.
Series sum_series(double a, double b, double c, double z, double max_terms) {
  constexpr int kBlock = 8;
  constexpr double kBig = 0x1p600;
  constexpr Series kGivenUp{kNaN, kNaN, kNaN};
  // Term k carries about eight roundings for each of the k ratios behind it: a random walk.
  constexpr double kStep = 1.5 * kEpsilon;
  // The first term, 1, stays out of the sum, so that a logarithm near 0 keeps its relative
  // accuracy.
  double term = 1.0, sum = 0.0, rest = 0.0, absolute = 1.0;
  double variance = 0.0;  // of the sum, as sum |term| k: terms share their walk up to the smaller k
  double scalings = 0.0;
  for (double k = 0.0; k < max_terms; k += kBlock) {
    double ratio[kBlock];
    for (int i = 0; i < kBlock; ++i) {
      const double n = k + i;
      ratio[i] = ((a + n) * (b + n)) / ((c + n) * (1.0 + n)) * z;
    }
    double product[kBlock];
    product[0] = ratio[0];
    for (int i = 1; i < kBlock; ++i) product[i] = product[i - 1] * ratio[i];
    double block = 0.0, block_absolute = 0.0;
    for (int i = 0; i < kBlock; ++i) {
      block += product[i];
      block_absolute += std::abs(product[i]);
    }
    block *= term;
    block_absolute *= std::abs(term);
    term *= product[kBlock - 1];
    const double before = sum;
    sum += block;
    rest += std::abs(before) >= std::abs(block) ? (before - sum) + block : (block - sum) + before;
    absolute += block_absolute;
    const double n = k + kBlock;
    variance += block_absolute * n;
    if (absolute > kBig) {
      if (!std::isfinite(absolute)) return kGivenUp;
      for (double* value : {&term, &sum, &rest, &absolute, &variance}) *value *= 0x1p-600;
      scalings += 1.0;
    }
    // Past -a and -b the terms keep one sign and their ratio moves monotonically towards z, so the
    // tail is below the geometric series of the larger of the two.
    const double bound = std::max(std::abs(ratio[kBlock - 1]), z);
    if (term == 0.0 ||
        (bound < 1.0 && n > -a && n > -b &&
         std::abs(term) * bound <= 0.1 * kEpsilon * (1.0 - bound) * std::abs(sum + rest))) {
      const double without_first = sum + rest;
      const double total = scalings == 0.0 ? 1.0 + without_first : without_first;
      const double log_sum = scalings == 0.0 ? std::log1p(without_first)
                                             : std::log(total) + scalings * (600.0 * kLog2);
      const double condition = absolute / std::abs(total);
      return {log_sum, kStep * std::sqrt(variance / absolute) * condition, condition};
    }
  }
  return kGivenUp;
}

}  // namespace

double log_hyp2f1(double a, double b, double c, double z) {
  if (!(a > 0.0) || !(b > 0.0) || !(c > 0.0) || !(z >= 0.0) || !(z < 1.0)) return kNaN;
  if (!std::isfinite(a + b + c)) return kNaN;
  if (z == 0.0) return 0.0;
  constexpr double kPromise = 1e-13;
  const auto within = [](double error, double value) {
    return error <= kPromise * std::max(1.0, std::abs(value));
  };
  const double excess = c - a - b;
  if (excess < 0.0) {
    // A rounding of c - a or c - b moves the result as little as one of a or b would. Its terms
    // decay from the start; past this many, the promise could not be kept.
    constexpr double kEulerTerms = 2e5;
    const auto euler = sum_series(c - a, c - b, c, z, kEulerTerms);
    const double value = excess * std::log1p(-z) + euler.log_sum;
    if (euler.condition < 20.0 && within(euler.error, value)) return value;
  }
  // Up to the largest term, near -excess / (1 - z), then until the tail is below the precision.
  // Where that is long only a large logarithm, hence a large -excess, leaves room for the
  // roundings.
  const double expected = (40.0 - std::min(excess, 0.0)) / (1.0 - z);
  constexpr double kDirectTerms = 2e7;
  if (expected > kDirectTerms) return kNaN;
  const auto direct = sum_series(a, b, c, z, kDirectTerms);
  return within(direct.error, direct.log_sum) ? direct.log_sum : kNaN;
}

}  // namespace tenure::special
