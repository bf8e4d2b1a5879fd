#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

/// A log as part of a larger one: what its codes are there, by its own codes. Every list ascends.
/// Views: the caller keeps them alive.
struct Segment {
  const EventLog* log;
  std::span<const std::int64_t> customer;
  std::span<const std::uint16_t> event;                 ///< empty: the log has no event names
  std::vector<std::span<const std::int32_t>> property;  ///< by property
};

/// The rows of all segments as one log of `customers` customers, ordered as if it had been indexed
/// at once; where rows are equal in everything nothing tells them apart. Columns are those of the
/// segments, which must agree; settings and the window of observation are the caller's to set.
///
/// O(rows), and O(n log n) for a customer whose rows in one segment do not lie behind those in the
/// segments before; bound by memory bandwidth. Same bits for any thread count. Throws InvalidInput
/// for columns that differ and codes that do not fit.
EventLog joined(std::span<const Segment> segments, std::int64_t customers,
                const Execution& execution);

}  // namespace tenure::events
