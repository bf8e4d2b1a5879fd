#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "period_index.hpp"
#include "tenure/events/event_log.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {

inline void require_event_flags(const events::EventLog& log,
                                const std::vector<std::uint8_t>& event) {
  if (!event.empty() && event.size() != log.order_event.size())
    throw InvalidInput("event", -1, static_cast<double>(event.size()), "one flag an event name");
}

/// Calls body(time) for every event of a customer that is activity: of a name that counts (orders,
/// where `event` is empty), before the end of observation, and no refund.
template <class Body>
void each_activity(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                   const events::CustomerEvents& events, const Body& body) {
  const std::vector<std::uint8_t>& counts = event.empty() ? log.order_event : event;
  for (std::size_t i = 0; i < events.time.size() && events.time[i] < log.observed_until; ++i) {
    if (!counts.empty() && counts[events.event[i]] == 0) continue;
    if (!events.amount.empty() && events.amount[i] < 0.0) continue;
    body(events.time[i]);
  }
}

/// Calls body(period) for every period in which a customer was active, in turn.
template <class Body>
void each_active_period(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                        const PeriodIndex& period, const events::CustomerEvents& events,
                        const Body& body) {
  require_not_before(events, period.from());
  std::int64_t last = period.first() - 1;
  each_activity(log, event, events, [&](std::int64_t time) {
    const std::int64_t now = period(time);
    if (now == last) return;
    last = now;
    body(now);
  });
}

/// Counts by period (or cell), added up over ranges of customers.
inline void add_counts(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace tenure::cohort
