#pragma once
#include <cstdint>
#include <optional>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

/// How time is counted: `collapse` says what one order is, `unit_days` how long one unit lasts.
struct SummaryOptions {
  std::optional<Period> collapse = Period::day;  ///< absent: every instant is an order of its own
  double unit_days = 7.0;                        ///< length of the unit of recency and T in days
  /// The unit is the collapse period itself: recency and T count periods (calendar months differ in
  /// days, but the next month is always one month later).
  bool unit_is_collapse = false;
  std::int64_t end = 0;   ///< first instant no longer observed
  bool log_gaps = false;  ///< whether to fill `Summary::log_gaps`, by one more pass
};

/// One row for each customer with at least one order before `end`, in ascending order of customers.
struct Summary {
  Buffer<std::int64_t> customer;   ///< code
  Buffer<std::int64_t> frequency;  ///< repeat orders: orders - 1
  Buffer<double> recency;          ///< from the first to the last order, in units
  Buffer<double> age;              ///< T: from the first order to the end of observation, in units
  Buffer<double> monetary_value;   ///< mean amount of the repeat orders; NaN if there are none
  Buffer<double> revenue;          ///< all amounts, refunds included
  Buffer<std::int64_t> first_order;  ///< instant
  Buffer<std::int64_t> last_order;   ///< instant of the first row of the last order
  /// Sum of log(time between consecutive orders, in units), which models of regular purchases need;
  /// empty unless asked for.
  Buffer<double> log_gaps = {};
};

/// What the buy-till-you-die models need to know of each customer.
/// [Fader, Hardie & Lee 2005, Marketing Science 24:275-284: (x, t_x, T)]
/// [Platzer & Reutterer 2016, Marketing Science 35:779-799: log_gaps]
/// One pass in customer order, O(rows); bound by memory bandwidth, but for log_gaps, which takes a
/// logarithm a repeat order. Same bits for any thread count.
Summary summarise(const EventLog& log, const SummaryOptions& options, const Execution& execution);

}  // namespace tenure::events
