#pragma once
#include <cstdint>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

/// Part of a log: its rows, and the code that each of its customers had in the whole.
struct Slice {
  EventLog log;
  Buffer<std::int64_t> customer;
};

/// The rows with from <= time < until, and the customers who have one; with `keep_silent` also
/// those who have no row in the whole log (they are known from elsewhere, and stay known). O(rows
/// of the slice + customers log(rows of one)).
Slice slice_time(const EventLog& log, std::int64_t from, std::int64_t until, bool keep_silent,
                 const Execution& execution);

/// The log without refunds that match an order: a row with a negative amount cancels the latest
/// order at or before it of the same customer with exactly that amount, and both rows go; refunds
/// without a match stay and net.
struct MatchedRefunds {
  EventLog log;
  std::int64_t matched = 0;
  std::int64_t unmatched = 0;
};
MatchedRefunds match_refunds(const EventLog& log, const Execution& execution);

}  // namespace tenure::events
