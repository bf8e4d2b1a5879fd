#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "tenure/events/slice.hpp"

namespace tenure::events {

/// Which rows of a log to keep: those that meet every condition.
struct RowFilter {
  /// Values of one property, by code; rows without a value pass only if `missing` says so.
  struct Values {
    std::size_t property;
    std::vector<std::uint8_t> allowed;
    bool missing = false;
  };

  std::vector<std::uint8_t> event;     ///< by event code; empty: every event
  std::vector<Values> property;        ///< each must hold
  std::vector<std::uint8_t> customer;  ///< by customer code; empty: every customer
  double least_amount = -std::numeric_limits<double>::infinity();
  double most_amount = std::numeric_limits<double>::infinity();
  std::int64_t from = std::numeric_limits<std::int64_t>::min();
  std::int64_t until = std::numeric_limits<std::int64_t>::max();  ///< exclusive
};

/// The rows that pass, in their order. Customers without any go, unless `keep_customers`. The
/// window of observation stays: silence in it is known.
///
/// Two passes, O(rows); bound by memory bandwidth. Throws InvalidInput if a list of codes has
/// another length than the log has codes.
Slice filter_rows(const EventLog& log, const RowFilter& filter, bool keep_customers,
                  const Execution& execution);

}  // namespace tenure::events
