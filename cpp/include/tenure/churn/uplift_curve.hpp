#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Customers of a campaign with a control group, one row each.
struct ScoredCampaign {
  std::span<const double> score;          ///< whoever scores highest is contacted first
  std::span<const std::uint8_t> treated;  ///< 1: was contacted; 0: control
  std::span<const double> outcome;        ///< response or money, finite
};

/// What contacting the k customers with the highest scores brought, by k:
///
///     V(k) = Y_T(k) - Y_C(k) T(k) / C(k)
///
/// with the sums of outcomes Y and the numbers T and C of treated and controls among the k
/// [Radcliffe 2007, Direct Marketing Analytics Journal 1:14-21]. Rows of equal score go in
/// together, and so do the first rows until both arms are there: without a control, or without a
/// contact, nothing is compared. One point a run.
struct UpliftPoints {
  std::vector<double> threshold;         ///< the lowest score of the k, descending
  std::vector<double> treated, control;  ///< T and C
  std::vector<double> increment;         ///< V
  std::vector<double> variance;          ///< of V, rows independent
};

/// O(n log n). Throws InvalidInput for columns that differ in length, a score or an outcome that is
/// not finite, treated other than 0 and 1, or where an arm is empty.
UpliftPoints uplift_points(const ScoredCampaign& campaign, const Execution& execution);

/// Areas of the curve that joins (0, 0) and the points (k, V(k)) by straight lines, over n.
struct UpliftArea {
  double auuc;  ///< under the curve
  double qini;  ///< between the curve and the straight line from (0, 0) to (n, V(n))
  /// Of each row: the derivative of the area towards a sample with more such rows. They sum to 0;
  /// the sum of their squares is the variance of the area, rows independent.
  Buffer<double> auuc_influence, qini_influence;
};

/// O(n log n). Throws as `uplift_points`.
UpliftArea uplift_area(const ScoredCampaign& campaign, const Execution& execution);

}  // namespace tenure::churn
