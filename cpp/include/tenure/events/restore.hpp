#pragma once
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

/// Throws InvalidInput unless the columns are what `index_events` could have made: offsets that
/// ascend to the number of rows, rows of a customer in canonical order, finite amounts, times
/// within the window of observation, codes below the number of event names and of values of each
/// property. For logs from files. One pass, O(rows); bound by memory bandwidth.
void require_valid(const EventLog& log, std::span<const std::int64_t> property_values,
                   const Execution& execution);

}  // namespace tenure::events
