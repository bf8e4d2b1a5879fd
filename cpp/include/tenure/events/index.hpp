#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/events/columns.hpp"
#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

struct Index {
  EventLog log;                      ///< the columns are set; the rest is the caller's
  Buffer<std::int64_t> customer_id;  ///< distinct ids, ascending; position = customer code
};

/// Orders rows by (customer id, time, event, amount, properties), so that nothing later sorts or
/// groups again and results do not depend on the input order.
///
/// A stable radix partition by the leading bits of the id (counted first, so that partitions are
/// even whatever the ids look like) puts each customer wholly into a partition that fits the
/// second-level cache; inside, a counting sort over the partition's own customers finishes the
/// order, and only customers whose rows did not arrive in time order are sorted at all.
///
/// Rows with equal keys in everything are indistinguishable, so the order is unique.
/// O(rows) for time-sorted input, O(rows log(rows of one customer)) at worst; memory: the columns
/// once more while it runs. Bound by memory bandwidth.
///
/// `properties`: codes by property, then by the number of the row that the chunks name; they end
/// the order, and cost a fetch of four bytes a row and property. At most 2^32 - 1 rows then.
Index index_events(const std::vector<EventChunk>& chunks,
                   std::span<const Buffer<std::int32_t>> properties, const Execution& execution);

inline Index index_events(const std::vector<EventChunk>& chunks, const Execution& execution) {
  return index_events(chunks, {}, execution);
}

/// The index with further customers who have no events. `ids` may repeat and come in any order.
Index with_customers(Index index, std::span<const std::int64_t> ids);

}  // namespace tenure::events
