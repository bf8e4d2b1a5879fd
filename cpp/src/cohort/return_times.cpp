#include "tenure/cohort/return_times.hpp"

#include <algorithm>
#include <utility>

#include "starts.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

class ReturnTimeScan {
 public:
  ReturnTimeScan(const events::EventLog& log, const ReturnTimeOptions& options,
                 const PeriodIndex& day)
      : log_(&log), options_(&options), day_(&day), reader_(log, options.member, day) {}

  void visit(const events::CustomerEvents& events) {
    require_not_before(events, day_->from());
    reader_.find_starts(events, starts_);
    if (starts_.empty()) {
      ++out_.without_start;
      return;
    }
    // The index is one of days: the period of a start is its day.
    const std::int64_t start = starts_.front().period;
    const auto [until, ended] = options_->ending == Ending::first_return
                                    ? first_return(events, start)
                                    : silence(events, start);
    out_.customer.push_back(events.customer);
    out_.period.push_back(period_of_day(start, options_->member.period));
    out_.group.push_back(starts_.front().group);
    out_.days.push_back(static_cast<double>(until - start));
    out_.ended.push_back(ended);
  }

  void merge(ReturnTimeScan&& later) {
    append(out_.customer, later.out_.customer);
    append(out_.period, later.out_.period);
    append(out_.group, later.out_.group);
    append(out_.days, later.out_.days);
    append(out_.ended, later.out_.ended);
    out_.without_start += later.out_.without_start;
  }

  ReturnTimes finish() && { return std::move(out_); }

 private:
  template <class T>
  static void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }

  /// Calls body(day) for the day of each return after the start's day, as far as whole days were
  /// observed, until body says stop.
  template <class Body>
  void each_return_day(const events::CustomerEvents& events, std::int64_t start,
                       const Body& body) const {
    for (std::int64_t i = 0; i < events.size(); ++i) {
      const std::int64_t time = events.time[static_cast<std::size_t>(i)];
      if (time >= log_->observed_until) return;
      if (!reader_.is_return(events, i) || reader_.amount(events, i) < 0.0) continue;
      const std::int64_t day = (*day_)(time);
      if (day > day_->complete()) return;
      if (day > start && !body(day)) return;
    }
  }

  std::pair<std::int64_t, bool> censored(std::int64_t start) const {
    return {std::max(day_->complete(), start), false};
  }

  std::pair<std::int64_t, bool> first_return(const events::CustomerEvents& events,
                                             std::int64_t start) const {
    auto end = censored(start);
    each_return_day(events, start, [&](std::int64_t day) {
      end = {day, true};
      return false;
    });
    return end;
  }

  std::pair<std::int64_t, bool> silence(const events::CustomerEvents& events,
                                        std::int64_t start) const {
    std::int64_t last = start;
    each_return_day(events, start, [&](std::int64_t day) {
      if (day - last > options_->silence) return false;
      last = day;
      return true;
    });
    if (day_->complete() - last >= options_->silence) return {last + options_->silence, true};
    return censored(start);
  }

  const events::EventLog* log_;
  const ReturnTimeOptions* options_;
  const PeriodIndex* day_;
  EventReader reader_;
  std::vector<Start> starts_;
  ReturnTimes out_;
};

}  // namespace

ReturnTimes return_times(const events::EventLog& log, const ReturnTimeOptions& options,
                         const Execution& execution) {
  require_codes(log, options.member);
  if (options.member.anchor == Anchor::recurring)
    throw InvalidInput("anchor", -1, "must open one cohort a customer, not recurring ones");
  if (options.ending == Ending::silence && options.silence < 1)
    throw InvalidInput("inactive_after", -1, static_cast<double>(options.silence), ">= 1 day");
  const PeriodIndex day(log.timezone, Period::day, first_of(log, options.member, execution),
                        log.observed_until, execution);
  auto scan = events::run_scan(log, ReturnTimeScan(log, options, day), execution);
  return std::move(scan).finish();
}

}  // namespace tenure::cohort
