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

/// Which events of a log are activity: those of a name that counts (orders, where `event` is empty)
/// that are no refund.
class IsActivity {
 public:
  IsActivity(const events::EventLog& log, const std::vector<std::uint8_t>& event)
      : counts_(event.empty() ? log.order_event : event) {}

  bool operator()(const events::CustomerEvents& events, std::size_t i) const {
    return (counts_.empty() || counts_[events.event[i]] != 0) &&
           !(!events.amount.empty() && events.amount[i] < 0.0);
  }

 private:
  const std::vector<std::uint8_t>& counts_;
};

/// Calls body(time) for every activity of a customer before the end of observation.
template <class Body>
void each_activity(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                   const events::CustomerEvents& events, const Body& body) {
  const IsActivity is_activity(log, event);
  for (std::size_t i = 0; i < events.time.size() && events.time[i] < log.observed_until; ++i)
    if (is_activity(events, i)) body(events.time[i]);
}

/// Calls body(period) for every period in which a customer was active, in turn. The rest of a
/// period is passed over by its end alone.
template <class Body>
void each_active_period(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                        const PeriodIndex& period, const events::CustomerEvents& events,
                        const Body& body) {
  require_not_before(events, period.from());
  const IsActivity is_activity(log, event);
  const std::size_t rows = events.time.size();
  for (std::size_t i = 0; i < rows && events.time[i] < log.observed_until;) {
    if (!is_activity(events, i)) {
      ++i;
      continue;
    }
    const std::int64_t now = period(events.time[i]);
    body(now);
    for (const std::int64_t end = period.start(now + 1); i < rows && events.time[i] < end;) ++i;
  }
}

/// Counts by period (or cell), added up over ranges of customers.
inline void add_counts(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace tenure::cohort
