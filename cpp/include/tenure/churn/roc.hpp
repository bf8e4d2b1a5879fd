#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Rows by descending score, equal scores together: what stands at or above each distinct score.
struct RocPoints {
  std::vector<double> threshold;             ///< distinct scores, descending
  std::vector<double> positives, negatives;  ///< sums of weights with a score >= threshold
};

/// One point a distinct score. O(n log n). Throws InvalidInput for columns that differ in length,
/// labels other than 0 and 1, a score or weight that is not finite, or a weight < 0.
RocPoints roc_points(std::span<const double> score, std::span<const std::uint8_t> label,
                     std::span<const double> weight, const Execution& execution);

/// Positions of the points on the upper convex hull of (negatives, positives) from the origin, in
/// order; -1 is the origin itself. O(points).
std::vector<std::int64_t> roc_hull(std::span<const double> positives,
                                   std::span<const double> negatives);

/// Of each row the share of the other class that it beats, ties half: for a positive the negatives
/// with a lower score, for a negative the positives with a higher one. Their mean over either class
/// is the area under the ROC curve; their spread gives its variance [DeLong, DeLong &
/// Clarke-Pearson 1988, Biometrics 44:837-845, eq. 4-5]. O(n log n) [Sun & Xu 2014, IEEE Signal
/// Processing Letters 21:1389-1393]. Throws as `roc_points`, and unless both classes are there.
Buffer<double> roc_placements(std::span<const double> score, std::span<const std::uint8_t> label,
                              const Execution& execution);

}  // namespace tenure::churn
