#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "tenure/events/orders.hpp"

namespace tenure::lifecycle {

/// What one customer had done before a date. Days are whole local days.
struct Snapshot {
  std::int64_t orders = 0;
  std::int64_t days_since_first = -1;  ///< from the first order; -1 without one
  std::int64_t days_since_last = -1;
  double mean_gap = std::numeric_limits<double>::quiet_NaN();
  double last_gap = std::numeric_limits<double>::quiet_NaN();
  double net_value = 0.0;
  std::int64_t window_orders = 0;
  double window_value = 0.0;
};

/// Walks the events of a customer once and tells what stood at each of ascending dates.
class SnapshotWalk {
 public:
  SnapshotWalk(const events::EventLog& log, std::span<const std::int64_t> at, std::int64_t window)
      : at_(at), window_(std::min(window, kAlways)), orders_(log, Period::day, at.back()) {
    for (const std::int64_t t : at) last_day_.push_back(orders_.day(t - 1));
  }

  /// Calls body(date, snapshot) for each date at which the customer is known, that is has an event
  /// before it or none at all, and gap(date, days) for each gap between orders, with the first date
  /// that it is completed at.
  template <class Body, class Gap>
  void operator()(const events::CustomerEvents& events, const Body& body, const Gap& gap) {
    days_.clear();
    past_ = {};
    window_first_ = 0;
    gap_told_ = false;
    std::size_t date = 0;
    const auto at = at_;
    while (!events.time.empty() && date < at.size() && at[date] <= events.time.front()) ++date;
    if (date == at.size()) return;
    orders_(
        events,
        [&](const events::PurchasePeriod& day) {
          if (day.is_order) {
            if (past_.orders > 0 && !gap_told_ && date < at.size())
              gap(date, day.period - past_.last);
            past_.add(day.period);
            gap_told_ = false;
          }
          past_.value += day.amount;
          days_.push_back({day.period, day.amount, day.is_order});
        },
        [&](std::int64_t time, const events::PurchasePeriod* open) {
          if (date == at.size() || at[date] > time) return;
          // An instant within a day cuts it: what it holds so far counts, and its gap once.
          if (open && open->is_order && past_.orders > 0 && !gap_told_) {
            gap(date, open->period - past_.last);
            gap_told_ = true;
          }
          // From one date to the next without a row between only days and the window go on.
          Snapshot now;
          std::int64_t same_until = std::numeric_limits<std::int64_t>::min();
          for (; date < at.size() && at[date] <= time; ++date) {
            const std::int64_t today = last_day_[date];
            if (today >= same_until) same_until = take(today, open, now);
            if (now.orders > 0) {
              now.days_since_first = today - first_;
              now.days_since_last = today - last_;
            }
            body(date, std::as_const(now));
          }
        });
  }

 private:
  struct Day {
    std::int64_t period;
    double amount;
    bool is_order;
  };
  struct Past {
    std::int64_t orders = 0, first = 0, last = 0, last_gap = 0;
    double value = 0.0;
    void add(std::int64_t day) {
      if (orders++ == 0)
        first = day;
      else
        last_gap = day - last;
      last = day;
    }
  };

  /// Writes all but the days since orders; returns the first day on which that no longer holds.
  std::int64_t take(std::int64_t today, const events::PurchasePeriod* open, Snapshot& s) {
    const std::int64_t before_window = today - window_;
    while (window_first_ < days_.size() && days_[window_first_].period <= before_window)
      ++window_first_;
    s = {};
    // Summed anew where the window moved on: what left it leaves no rounding behind.
    for (std::size_t i = window_first_; i < days_.size(); ++i) {
      s.window_value += days_[i].amount;
      s.window_orders += days_[i].is_order;
    }
    std::int64_t leaves = std::numeric_limits<std::int64_t>::max() - window_;
    if (window_first_ < days_.size()) leaves = days_[window_first_].period;
    Past past = past_;
    if (open) {
      past.value += open->amount;
      if (open->is_order) past.add(open->period);
      if (open->period > before_window) {
        s.window_value += open->amount;
        s.window_orders += open->is_order;
        leaves = std::min(leaves, open->period);
      }
    }
    s.net_value = past.value;
    s.orders = past.orders;
    if (past.orders > 1) {
      s.mean_gap =
          static_cast<double>(past.last - past.first) / static_cast<double>(past.orders - 1);
      s.last_gap = static_cast<double>(past.last_gap);
    }
    first_ = past.first;
    last_ = past.last;
    return leaves + window_;
  }

  /// A window longer than any log: sums of days stay far from overflow.
  static constexpr std::int64_t kAlways = std::int64_t{1} << 40;

  std::span<const std::int64_t> at_;
  std::int64_t window_;
  events::OrderWalk orders_;
  std::vector<std::int64_t> last_day_;
  std::vector<Day> days_;
  Past past_;
  std::size_t window_first_ = 0;
  std::int64_t first_ = 0, last_ = 0;  ///< days of the first and last order
  bool gap_told_ = false;
};

/// How often each length of gap was completed, by length in days.
inline void count_gap(std::vector<std::int64_t>& counts, std::int64_t days) {
  const auto length = static_cast<std::size_t>(days);
  if (length >= counts.size()) counts.resize(length + 1);
  ++counts[length];
}

inline void add_gaps(std::vector<std::int64_t>& total, const std::vector<std::int64_t>& more) {
  if (total.size() < more.size()) total.resize(more.size());
  for (std::size_t g = 0; g < more.size(); ++g) total[g] += more[g];
}

}  // namespace tenure::lifecycle
