#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::survival {

/// Right-censored, possibly left-truncated lifetimes, one row a customer. Views: nothing is copied.
struct CensoredSample {
  std::span<const double> duration;       ///< tenure at exit, finite, >= 0
  std::span<const std::uint8_t> churned;  ///< 1: churn seen at `duration`; 0: still a customer
  /// Tenure at which observation began, finite, >= 0 and < duration; 0 means from the start, also
  /// where duration is 0. Absent: 0 for every row.
  std::optional<std::span<const double>> entry = {};
  /// Finite, >= 0, not all 0; a row of weight 0 is no row. Absent: 1 for every row.
  std::optional<std::span<const double>> weight = {};
};

/// The same where customers leave for one of several causes.
struct CauseSample {
  std::span<const double> duration;
  std::span<const std::int32_t> cause;  ///< 0: still a customer; 1 to `causes`: why they left
  std::int32_t causes = 1;              ///< 1 to 1024
  std::optional<std::span<const double>> entry = {};
  std::optional<std::span<const double>> weight = {};
};

/// One row for each distinct time at which at least one customer left.
struct RiskTable {
  std::vector<double> time;     ///< strictly increasing
  std::vector<double> at_risk;  ///< n_j: weight under observation just before time[j]
  std::vector<double> stay;     ///< n_j - d_j, d_j the weight that left at time[j]
  std::vector<double> events;   ///< times x causes: weight that left for the cause
  double last_time = 0.0;       ///< the largest duration of weight > 0
};

/// Who was at risk and who left, at each time at which someone left: customer i counts in n_j if
/// entry_i < t_j <= duration_i. Leaving comes before censoring at the same time. Times are equal if
/// they are the same double.
///
/// O(n) time: whole-numbered durations (days) up to a small multiple of n are counted, others
/// sorted by radix; O(n) extra memory. One thread. Deterministic; the result depends on the
/// multiset of rows and not on their order, up to the rounding of weight sums (exactly for whole
/// weights).
///
/// Throws InvalidInput for a bad row and for spans of unequal length.
RiskTable risk_table(const CensoredSample& sample, const Execution& execution = {});
RiskTable risk_table(const CauseSample& sample, const Execution& execution = {});

}  // namespace tenure::survival
