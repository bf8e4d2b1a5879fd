#pragma once
#include <cstdint>

namespace tenure::survival {

struct CountLimits {
  std::int64_t lower, upper;
};

/// Equal-tailed limits of a count X of n that is binomial with an uncertain share: the share is
/// Beta(a, b), the count beta-binomial,
///
///     P(X = k) = C(n, k) B(a + k, b + n - k) / B(a, b)
///
/// [Skellam 1948, JRSS B 10:257-261]. lower is the smallest k with P(X <= k) > (1 - level)/2, upper
/// the smallest with P(X <= k) >= (1 + level)/2; together they hold at least `level`.
///
/// By the ratio of neighbours from the mean outwards, without a special function: O(the counts that
/// matter), at most O(n). Throws InvalidInput unless a, b > 0, 0 <= n <= 2^31 and 0 < level < 1.
CountLimits beta_binomial_limits(std::int64_t n, double a, double b, double level);

}  // namespace tenure::survival
