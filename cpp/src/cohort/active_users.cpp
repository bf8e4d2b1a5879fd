#include "tenure/cohort/active_users.hpp"

#include <algorithm>
#include <utility>

#include "activity.hpp"
#include "tenure/events/scan.hpp"

namespace tenure::cohort {
namespace {

/// Changes of the number of active customers from one day to the next.
class WindowScan {
 public:
  WindowScan(const events::EventLog& log, const std::vector<std::uint8_t>& event,
             const std::vector<std::int64_t>& windows, const PeriodIndex& day)
      : log_(&log),
        event_(&event),
        windows_(&windows),
        day_(&day),
        days_(day.complete() - day.first() + 1),
        change_(windows.size(), std::vector<std::int64_t>(static_cast<std::size_t>(days_ + 1))) {}

  void visit(const events::CustomerEvents& events) {
    std::int64_t last = -1;
    each_active_period(*log_, *event_, *day_, events, [&](std::int64_t day) {
      const std::int64_t now = day - day_->first();
      if (last >= 0) cover(last, now);
      last = now;
    });
    if (last >= 0) cover(last, days_);
  }

  void merge(WindowScan&& later) {
    for (std::size_t w = 0; w < change_.size(); ++w) add_counts(change_[w], later.change_[w]);
  }

  ActiveUsers finish() && {
    for (auto& counts : change_) {
      for (std::size_t d = 1; d < counts.size(); ++d) counts[d] += counts[d - 1];
      counts.pop_back();
    }
    return {day_->first(), std::move(change_)};
  }

 private:
  /// An active day is in the windows that end with it and the days after, until the next one.
  void cover(std::int64_t day, std::int64_t next) {
    for (std::size_t w = 0; w < windows_->size(); ++w) {
      ++change_[w][static_cast<std::size_t>(std::min(day, days_))];
      const std::int64_t end = std::min(next - day, (*windows_)[w]) + day;
      --change_[w][static_cast<std::size_t>(std::min(end, days_))];
    }
  }

  const events::EventLog* log_;
  const std::vector<std::uint8_t>* event_;
  const std::vector<std::int64_t>* windows_;
  const PeriodIndex* day_;
  std::int64_t days_;
  std::vector<std::vector<std::int64_t>> change_;  // by window and day; one more for the end
};

bool lies_within(Period inner, Period outer) {
  if (inner == Period::week || inner >= outer) return false;
  return inner == Period::day || outer != Period::week;
}

std::int64_t most_within(Period inner, Period outer) {
  const auto months = [](Period p) {
    return p == Period::month ? 1 : p == Period::quarter ? 3 : 12;
  };
  if (inner != Period::day) return months(outer) / months(inner);
  switch (outer) {
    case Period::day:
      return 1;
    case Period::week:
      return 7;
    case Period::month:
      return 31;
    case Period::quarter:
      return 92;
    case Period::year:
      break;
  }
  return 366;
}

class StickinessScan {
 public:
  StickinessScan(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                 const PeriodIndex& inner, const PeriodIndex& outer, std::int64_t most)
      : log_(&log),
        event_(&event),
        inner_(&inner),
        outer_(&outer),
        most_(most),
        customers_(static_cast<std::size_t>((outer.complete() - outer.first() + 1) * most)) {}

  void visit(const events::CustomerEvents& events) {
    require_not_before(events, inner_->from());
    std::int64_t inner = inner_->first() - 1, outer = outer_->first(), active = 0;
    each_activity(*log_, *event_, events, [&](std::int64_t time) {
      const std::int64_t now = (*inner_)(time);
      if (now == inner) return;
      inner = now;
      const std::int64_t within = (*outer_)(time);
      if (within != outer) {
        count(outer, active);
        outer = within;
        active = 0;
      }
      ++active;
    });
    count(outer, active);
  }

  void merge(StickinessScan&& later) { add_counts(customers_, later.customers_); }

  Stickiness finish() && { return {outer_->first(), most_, std::move(customers_)}; }

 private:
  void count(std::int64_t outer, std::int64_t active) {
    if (active == 0 || outer > outer_->complete()) return;
    ++customers_[static_cast<std::size_t>((outer - outer_->first()) * most_ + active - 1)];
  }

  const events::EventLog* log_;
  const std::vector<std::uint8_t>* event_;
  const PeriodIndex* inner_;
  const PeriodIndex* outer_;
  std::int64_t most_;
  std::vector<std::int64_t> customers_;
};

}  // namespace

ActiveUsers active_users(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                         const std::vector<std::int64_t>& windows, const Execution& execution) {
  require_event_flags(log, event);
  for (std::size_t w = 0; w < windows.size(); ++w)
    if (windows[w] < 1)
      throw InvalidInput("windows", static_cast<std::int64_t>(w), static_cast<double>(windows[w]),
                         ">= 1");
  const PeriodIndex day(log.timezone, Period::day, first_instant(log, execution),
                        log.observed_until, execution);
  auto scan = events::run_scan(log, WindowScan(log, event, windows, day), execution);
  return std::move(scan).finish();
}

Stickiness stickiness(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                      Period inner, Period outer, const Execution& execution) {
  require_event_flags(log, event);
  if (!lies_within(inner, outer))
    throw InvalidInput("within", -1,
                       "must be a longer period that holds whole ones: days lie in weeks, months, "
                       "quarters and years, months in quarters and years, quarters in years");
  const std::int64_t first = first_instant(log, execution);
  const PeriodIndex small(log.timezone, inner, first, log.observed_until, execution);
  const PeriodIndex large(log.timezone, outer, first, log.observed_until, execution);
  auto scan = events::run_scan(
      log, StickinessScan(log, event, small, large, most_within(inner, outer)), execution);
  return std::move(scan).finish();
}

}  // namespace tenure::cohort
