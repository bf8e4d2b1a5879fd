#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tenure::survival {

/// Pairs of independent proportions p1 = k1 / n1 and p2 = k2 / n2.
struct ProportionPairs {
  std::span<const double> k1, n1, k2, n2;
};

struct ProportionDifferences {
  std::vector<double> difference;    ///< p1 - p2
  std::vector<double> lower, upper;  ///< its limits
  std::vector<double> z;             ///< score statistic; z^2 is the chi-square of the 2 x 2 table
  std::vector<double> p_value;       ///< two-sided
};

/// The score test of p1 = p2 without continuity correction,
///
///     z = (p1 - p2) / sqrt(p (1 - p) (1/n1 + 1/n2)),  p = (k1 + k2) / (n1 + n2),
///
/// and Newcombe's hybrid score limits of p1 - p2, from Wilson's limits (l, u) of each:
///
///     p1 - p2 - sqrt((p1 - l1)^2 + (u2 - p2)^2),  p1 - p2 + sqrt((u1 - p1)^2 + (p2 - l2)^2)
///
/// [Newcombe 1998, Statistics in Medicine 17:873-890, method 10]. Where all or none of both count,
/// z is 0 and the p-value 1. NaN where n1 or n2 is 0, or anything is NaN. O(pairs). Throws
/// InvalidInput for unequal lengths, a level outside (0, 1), and a pair with k < 0 or k > n.
ProportionDifferences compare_proportions(const ProportionPairs& pairs, double level);

struct Homogeneity {
  std::vector<double> statistic;  ///< chi-square
  std::vector<std::int64_t> df;   ///< groups with anybody in them, less one
  std::vector<double> p_value;    ///< 1 where df is 0
};

/// Pearson's chi-square of the 2 x groups table, row by row of `k` and `n` (rows x groups): the
/// test that all groups of a row have one proportion. A group with n = 0 or NaN does not count.
/// O(rows x groups). Throws InvalidInput as above, and for lengths that are no rows of `groups`.
Homogeneity proportion_homogeneity(std::span<const double> k, std::span<const double> n,
                                   std::int64_t groups);

}  // namespace tenure::survival
