#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::journey {

/// A state that an event is not in.
inline constexpr std::int32_t kNoState = -1;

/// How a log is told as journeys: which state each event is in, and where a journey ends.
///
/// A unit is a customer, or with `session_gap` a session: a run of events of any kind no two
/// neighbours of which lie more than the gap apart. Its visits are its events that are in a state,
/// in the order of the log; with `collapse` a run of events in the same state is one visit, at the
/// time of its first. A unit without a visit is none.
struct StatePlan {
  std::optional<std::size_t> by = {};  ///< property whose values are states; absent: event names
  std::vector<std::int32_t> state_of;  ///< by code: 0 to states - 1, or kNoState
  std::int32_t states = 0;
  std::optional<std::int64_t> session_gap = {};  ///< microseconds, >= 0
  bool collapse = false;
};

/// Throws InvalidInput if the plan does not fit the log.
void require_valid(const events::EventLog& log, const StatePlan& plan);

/// Rows by code of the event name or property value, `codes` of them. O(rows), bound by memory.
std::vector<std::int64_t> rows_by_code(const events::EventLog& log, std::optional<std::size_t> by,
                                       std::int64_t codes, const Execution& execution);

}  // namespace tenure::journey
