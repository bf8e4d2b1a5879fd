#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "tenure/events/event_log.hpp"
#include "tenure/events/orders.hpp"

namespace tenure::cohort {

/// The calendar periods that a log touches.
struct PeriodRange {
  std::int64_t first;     ///< of the first event
  std::int64_t last;      ///< of the last instant under observation
  std::int64_t complete;  ///< the last one that ended within the observation; may be first - 1
};

inline PeriodRange period_range(const events::EventLog& log, Period period) {
  std::int64_t first_time = log.observed_until - 1;
  for (std::int64_t c = 0; c < log.customers(); ++c)
    if (log.offset[c] < log.offset[c + 1])
      first_time = std::min(first_time, log.time[log.offset[c]]);
  const TimeZone& zone = log.timezone;
  const std::int64_t first = period_of_day(zone.local_day(first_time), period);
  const std::int64_t last = period_of_day(zone.local_day(log.observed_until - 1), period);
  const std::int64_t end = zone.start_of_day(first_day_of_period(last + 1, period));
  return {first, last, end <= log.observed_until ? last : last - 1};
}

/// Reads one customer as a member of a cohort: calls body(cohort, age, active, amount) for every
/// period from the first order on that has order rows. `cohort` is an absolute period.
class CohortWalk {
 public:
  CohortWalk(const events::EventLog& log, Period period)
      : orders_(log, period, log.observed_until) {}

  struct Outcome {
    bool has_cohort;
    double amount_before;  ///< net amount of the periods before the first order
  };

  template <class Body>
  Outcome operator()(const events::CustomerEvents& events, const Body& body) const {
    std::optional<std::int64_t> cohort;
    double before = 0.0;
    orders_(events, [&](const events::PurchasePeriod& p) {
      if (!cohort && !p.is_order) {
        before += p.amount;
        return;
      }
      if (!cohort) cohort = p.period;
      body(*cohort, p.period - *cohort, p.is_order, p.amount);
    });
    return {cohort.has_value(), before};
  }

 private:
  events::OrderWalk orders_;
};

}  // namespace tenure::cohort
