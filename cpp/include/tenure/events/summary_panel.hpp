#pragma once
#include <span>
#include <vector>

#include "tenure/events/summary.hpp"

namespace tenure::events {

/// Summaries at several dates, one after the other in one set of columns.
struct SummaryPanel {
  Summary rows;                     ///< by date, then by customer
  std::vector<std::int64_t> first;  ///< dates + 1: the rows of date k are first[k]..first[k+1]
};

/// What `summarise` says at each of the ends, to the bit, from one pass over the log and another
/// over the first orders. `ends` ascend strictly; `options.end` is not read.
///
/// O(rows + rows of the result); bound by writing the result. Same bits for any thread count.
/// Throws InvalidInput if the ends do not ascend.
SummaryPanel summarise_at(const EventLog& log, const SummaryOptions& options,
                          std::span<const std::int64_t> ends, const Execution& execution);

}  // namespace tenure::events
