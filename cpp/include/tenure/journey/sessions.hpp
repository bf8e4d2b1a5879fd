#pragma once
#include <cstdint>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::journey {

/// Runs of events of one customer no two neighbours of which lie more than `gap` apart; in order of
/// customers and of time.
struct Sessions {
  std::vector<std::int64_t> customer;  ///< code
  std::vector<std::int64_t> start;     ///< microseconds since 1970-01-01 UTC
  std::vector<std::int64_t> length;    ///< from the first to the last event, microseconds
  std::vector<std::int64_t> events;
};

/// One pass, O(rows), bound by memory; O(sessions) memory. Same bits for any thread count. Throws
/// InvalidInput for a negative gap.
Sessions sessions(const events::EventLog& log, std::int64_t gap, const Execution& execution);

}  // namespace tenure::journey
