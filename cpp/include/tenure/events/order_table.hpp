#pragma once
#include "tenure/events/summary.hpp"

namespace tenure::events {

/// From each order of a customer to the next, and from the last one to the end of observation.
struct OrderGaps {
  Buffer<std::int64_t> customer;  ///< code
  Buffer<std::int64_t> number;    ///< of the order that the gap follows: 1, 2, ...
  Buffer<std::int64_t> from;      ///< instant of the first row of that order
  Buffer<double> length;          ///< in units
  Buffer<std::uint8_t> ended;     ///< 1: by an order; 0: still open at the end (censored)
};

/// One row for each order before `options.end`, in order of customers and time. Two passes,
/// O(rows); bound by memory bandwidth. Same bits for any thread count.
OrderGaps order_gaps(const EventLog& log, const SummaryOptions& options,
                     const Execution& execution);

/// What each customer bought in each calendar period.
struct OrderPeriods {
  Buffer<std::int64_t> customer;  ///< code
  Buffer<std::int64_t> period;    ///< index of the calendar period
  Buffer<std::int64_t> orders;    ///< 0 where there were nothing but refunds
  Buffer<double> revenue;         ///< net amounts; 0 where the log has none
};

/// One row for each customer and period with an order or a refund before `end`; an order is what
/// `collapse` says, and belongs to the period of its first row. Cost as above.
OrderPeriods order_periods(const EventLog& log, Period period, std::optional<Period> collapse,
                           std::int64_t end, const Execution& execution);

}  // namespace tenure::events
