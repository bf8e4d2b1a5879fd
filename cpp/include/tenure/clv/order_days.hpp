#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/calendar.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// How many customers ordered for the first time, and how many orders were repeats, on each local
/// day.
struct OrderDays {
  std::int64_t first_day = 0;  ///< day of the first element: of the earliest first order
  std::vector<std::int64_t> first_orders, repeat_orders;
};

/// Counts the orders before `until` of the customers whose first order is before `acquired_until`.
/// An order is what events::OrderWalk says for `collapse`, and lies on the day of its first row.
/// One pass over the log, O(rows + days) for each of at most 64 ranges; empty without orders.
OrderDays order_days(const events::EventLog& log, std::optional<Period> collapse,
                     std::int64_t acquired_until, std::int64_t until, const Execution& execution);

}  // namespace tenure::clv
