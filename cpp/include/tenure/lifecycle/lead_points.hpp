#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::lifecycle {

/// What one kind of action is worth.
struct PointRule {
  double points = 0.0;  ///< of one action; negative ones deduct
  /// Only the latest so many actions count.
  std::int64_t cap = std::numeric_limits<std::int64_t>::max();
  double half_life = 0.0;           ///< microseconds until an action is worth half; 0: never fades
  std::vector<std::uint8_t> event;  ///< by event code: 1 for the actions of this rule
};

/// Rules in one pass; an event may count for several of them.
inline constexpr std::int64_t kMaxPointRules = 64;

/// Points of each customer by each rule before the instant `at`, customers x rules:
///
///     sum over the latest min(cap, count) actions of points x 2^(-(at - time) / half_life)
///
/// Terms are added from the latest to the earliest, so that a score is a function of the events
/// alone: not of the segments of the log, the order of its rows, or the thread count. O(rows), one
/// pass, 8 bytes a customer and rule.
///
/// Throws InvalidInput for a log without event names, more than 64 rules, a cap below 0, a
/// half-life below 0, points that are not finite, and event flags of another length than the
/// log's.
Buffer<double> lead_points(const events::EventLog& log, const std::vector<PointRule>& rules,
                           std::int64_t at, const Execution& execution);

}  // namespace tenure::lifecycle
