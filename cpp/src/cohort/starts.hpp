#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "period_index.hpp"
#include "tenure/cohort/members.hpp"

namespace tenure::cohort {

/// What opens a cohort for a customer: when, in which period, in which group.
struct Start {
  std::int64_t time;
  std::int64_t period;
  std::int32_t group;
};

/// Events as `MemberOptions` reads them: which start a cohort, which are returns.
class EventReader {
 public:
  EventReader(const events::EventLog& log, const MemberOptions& options, const PeriodIndex& period)
      : log_(&log), options_(&options), period_(&period) {}

  /// Whether event i of the customer is a return, a refund or not.
  bool is_return(const events::CustomerEvents& events, std::int64_t i) const {
    return has_name(options_->return_event, events, i);
  }

  double amount(const events::CustomerEvents& events, std::int64_t i) const {
    if (events.amount.empty()) return 0.0;
    const double amount = events.amount[static_cast<std::size_t>(i)];
    return amount == amount ? amount : 0.0;  // events that are no orders may have none
  }

  std::int32_t value(const events::CustomerEvents& events, std::int64_t i) const {
    return options_->by_property ? log_->property[*options_->by_property][events.first + i] : 0;
  }

  /// The starts of a customer, ascending; more than one only of recurring cohorts.
  void find_starts(const events::CustomerEvents& events, std::vector<Start>& starts) const {
    starts.clear();
    const std::int32_t group =
        options_->by_customer ? (*options_->by_customer)[static_cast<std::size_t>(events.customer)]
                              : 0;
    if (options_->signup) {
      const std::int64_t time = (*options_->signup)[static_cast<std::size_t>(events.customer)];
      if (time != kNoInstant && time < log_->observed_until)
        starts.push_back({time, (*period_)(time), group});
      return;
    }
    for (std::int64_t i = 0; i < events.size(); ++i) {
      const std::int64_t time = events.time[static_cast<std::size_t>(i)];
      if (time >= log_->observed_until) break;
      if (!has_name(options_->start_event, events, i) || amount(events, i) < 0.0) continue;
      if (passes(events.first + i)) {
        const std::int64_t period = (*period_)(time);
        if (starts.empty() || starts.back().period != period)
          starts.push_back({time, period, options_->by_property ? value(events, i) : group});
        if (options_->anchor != Anchor::recurring) return;
      }
      if (options_->anchor == Anchor::first_ever) return;
    }
  }

 private:
  bool has_name(const std::vector<std::uint8_t>& names, const events::CustomerEvents& events,
                std::int64_t i) const {
    if (names.empty()) return log_->is_order(events.first + i);
    return names[events.event[static_cast<std::size_t>(i)]] != 0;
  }

  bool passes(std::int64_t row) const {
    return std::ranges::all_of(options_->where, [&](const StartFilter& filter) {
      const std::int32_t code = log_->property[filter.property][row];
      return code >= 0 && static_cast<std::size_t>(code) < filter.allowed.size() &&
             filter.allowed[static_cast<std::size_t>(code)] != 0;
    });
  }

  const events::EventLog* log_;
  const MemberOptions* options_;
  const PeriodIndex* period_;
};

/// The first instant that an index of periods has to cover: of events and of signups.
std::int64_t first_of(const events::EventLog& log, const MemberOptions& options,
                      const Execution& execution);

/// Throws InvalidInput for flags, codes and properties that do not fit the log.
void require_codes(const events::EventLog& log, const MemberOptions& options);

}  // namespace tenure::cohort
