#pragma once
#include <cstdint>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::cohort {

/// Customers active within windows of days that end with each local day.
struct ActiveUsers {
  std::int64_t first_day = 0;                     ///< of the log, in days since 1970-01-01
  std::vector<std::vector<std::int64_t>> active;  ///< by window, then by day that has ended
};

/// Customers with an event in the last `windows[w]` local days, the day itself included. A refund
/// is no activity; `event` as in `GrowthOptions`. The first windows[w] - 1 days see less than a
/// window. One pass, O(rows x windows); same bits for any thread count. Throws InvalidInput for a
/// window < 1.
ActiveUsers active_users(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                         const std::vector<std::int64_t>& windows, const Execution& execution);

/// Customers by the number of inner periods in which they were active.
struct Stickiness {
  std::int64_t first_period = 0;        ///< of the outer periods
  std::int64_t most = 0;                ///< inner periods in an outer one, at most
  std::vector<std::int64_t> customers;  ///< outer periods that have ended x (1 .. most), row-major
};

/// For each outer period, how many customers were active in exactly 1, 2, ... of its inner ones.
/// Every inner period must lie in one outer period: days in weeks, months, quarters and years,
/// months in quarters and years, quarters in years; else InvalidInput. One pass, O(rows); same bits
/// for any thread count.
Stickiness stickiness(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                      Period inner, Period outer, const Execution& execution);

}  // namespace tenure::cohort
