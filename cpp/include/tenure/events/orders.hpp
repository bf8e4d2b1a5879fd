#pragma once
#include <cstdint>
#include <limits>
#include <optional>

#include "tenure/events/event_log.hpp"

namespace tenure::events {

/// What one customer bought within one collapse period: rows that are orders, amounts summed.
struct PurchasePeriod {
  std::int64_t period;  ///< index of the calendar period; of the instant itself without collapse
  std::int64_t first_time;  ///< instant of its first row
  double amount;            ///< net of refunds within the period; 0 where the log has no amounts
  bool is_order;            ///< false where the period holds refunds only
};

/// The one reading of "an order" that every analysis shares: walks the rows of a customer that are
/// orders by name, before `until`, and calls body(PurchasePeriod) for each collapse period in turn.
/// A row with a negative amount is a refund; timing never moves for it, and a period with nothing
/// but refunds comes with is_order = false, so that its money can be counted and its visit not.
class OrderWalk {
 public:
  /// `collapse` absent: each instant is a period of its own.
  OrderWalk(const EventLog& log, std::optional<Period> collapse, std::int64_t until)
      : log_(&log),
        collapse_(collapse),
        until_(until),
        utc_(log.timezone.fixed()),
        fixed_offset_(log.timezone.offset_at(0)) {}

  template <class Body>
  void operator()(const CustomerEvents& events, const Body& body) const {
    (*this)(events, body, [](std::int64_t, const PurchasePeriod*) {});
  }

  /// Also calls before(time, open) ahead of each order row and, with the largest instant, behind
  /// the last one: `open` is the period as far as it has come, null ahead of the first.
  template <class Body, class Before>
  void operator()(const CustomerEvents& events, const Body& body, const Before& before) const {
    if (collapse_ == Period::day)
      walk(events, body, [this](std::int64_t t) { return day(t); }, before);
    else if (collapse_)
      walk(
          events, body, [this](std::int64_t t) { return period_of_day(day(t), *collapse_); },
          before);
    else
      walk(events, body, [](std::int64_t t) { return t; }, before);
  }

  std::int64_t day(std::int64_t time) const {
    return floor_div(time + (utc_ ? fixed_offset_ : log_->timezone.offset_at(time)), kMicrosPerDay);
  }

 private:
  template <class Body, class Index, class Before>
  void walk(const CustomerEvents& events, const Body& body, const Index& index,
            const Before& before) const {
    const bool filter = !log_->order_event.empty();
    const bool amounts = !events.amount.empty();
    // One variable each: as members of a struct whose address is taken they would live in memory.
    bool open = false, is_order = false;
    std::int64_t period = 0, first_time = 0;
    double sum = 0.0;
    const auto so_far = [&] { return PurchasePeriod{period, first_time, sum, is_order}; };
    const auto announce = [&](std::int64_t time) {
      const PurchasePeriod current = so_far();
      before(time, open ? &current : nullptr);
    };
    for (std::size_t i = 0; i < events.time.size() && events.time[i] < until_; ++i) {
      if (filter && log_->order_event[events.event[i]] == 0) continue;
      announce(events.time[i]);
      const double amount = amounts ? events.amount[i] : 0.0;
      const std::int64_t now = index(events.time[i]);
      // Where clocks are set back over midnight, the day that has begun goes on.
      if (!open || now > period) {
        if (open) body(so_far());
        period = now;
        first_time = events.time[i];
        sum = 0.0;
        is_order = false;
        open = true;
      }
      sum += amount;
      is_order |= !(amount < 0.0);
    }
    announce(std::numeric_limits<std::int64_t>::max());
    if (open) body(so_far());
  }

  const EventLog* log_;
  std::optional<Period> collapse_;
  std::int64_t until_;
  bool utc_;
  std::int64_t fixed_offset_;
};

}  // namespace tenure::events
