#pragma once
#include <cstdint>
#include <limits>
#include <span>
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
      : at_(at), window_(window), orders_(log, Period::day, at.back()) {
    for (const std::int64_t t : at) last_day_.push_back(orders_.day(t - 1));
  }

  /// Calls body(date, snapshot) for each date at which the customer is known, that is has an event
  /// before it or none at all, and gap(date, days) for each gap between orders, with the first date
  /// that it is completed at.
  template <class Body, class Gap>
  void operator()(const events::CustomerEvents& events, const Body& body, const Gap& gap) {
    days_.clear();
    past_ = {};
    in_window_ = {};
    summed_from_ = summed_to_ = 0;
    gap_told_ = false;
    std::size_t date = 0, window_first = 0;
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
          for (; date < at.size() && at[date] <= time; ++date) {
            // An instant within a day cuts it: what it holds so far counts, and its gap once.
            if (open && open->is_order && past_.orders > 0 && !gap_told_) {
              gap(date, open->period - past_.last);
              gap_told_ = true;
            }
            body(date, snapshot(last_day_[date], open, window_first));
          }
        });
  }

 private:
  struct Day {
    std::int64_t period;
    double amount;
    bool is_order;
  };
  struct Window {
    double value = 0.0;
    std::int64_t orders = 0;
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

  Snapshot snapshot(std::int64_t today, const events::PurchasePeriod* open,
                    std::size_t& window_first) {
    const std::int64_t before_window = today - window_;
    Snapshot s;
    while (window_first < days_.size() && days_[window_first].period <= before_window)
      ++window_first;
    if (window_first != summed_from_ || days_.size() != summed_to_) {
      // Summed anew where the window moved on: what left it leaves no rounding behind.
      summed_from_ = window_first;
      summed_to_ = days_.size();
      in_window_ = {};
      for (std::size_t i = window_first; i < days_.size(); ++i) {
        in_window_.value += days_[i].amount;
        in_window_.orders += days_[i].is_order;
      }
    }
    s.window_value = in_window_.value;
    s.window_orders = in_window_.orders;
    Past past = past_;
    if (open) {
      past.value += open->amount;
      if (open->is_order) past.add(open->period);
      if (open->period > before_window) {
        s.window_value += open->amount;
        s.window_orders += open->is_order;
      }
    }
    s.net_value = past.value;
    s.orders = past.orders;
    if (past.orders > 0) {
      s.days_since_first = today - past.first;
      s.days_since_last = today - past.last;
    }
    if (past.orders > 1) {
      s.mean_gap =
          static_cast<double>(past.last - past.first) / static_cast<double>(past.orders - 1);
      s.last_gap = static_cast<double>(past.last_gap);
    }
    return s;
  }

  std::span<const std::int64_t> at_;
  std::int64_t window_;
  events::OrderWalk orders_;
  std::vector<std::int64_t> last_day_;
  std::vector<Day> days_;
  Past past_;
  Window in_window_;  ///< of days_[summed_from_, summed_to_)
  std::size_t summed_from_ = 0, summed_to_ = 0;
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
