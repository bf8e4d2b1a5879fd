#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>

#include "tenure/events/orders.hpp"
#include "tenure/events/summary.hpp"

namespace tenure::events::detail {

/// Turns a difference of periods into units. Divides, never multiplies by a reciprocal: days / 7
/// has to be the number that the papers' data have.
class Ruler {
 public:
  explicit Ruler(const SummaryOptions& o)
      : collapse_(o.collapse),
        by_index_(o.unit_is_collapse),
        length_(o.unit_is_collapse ? 1.0
                : o.collapse       ? o.unit_days
                                   : o.unit_days * static_cast<double>(kMicrosPerDay)) {}

  double operator()(std::int64_t from, std::int64_t to) const {
    return static_cast<double>(mark(to) - mark(from)) / length_;
  }

 private:
  std::int64_t mark(std::int64_t period) const {
    return collapse_ && !by_index_ ? first_day_of_period(period, *collapse_) : period;
  }
  std::optional<Period> collapse_;
  bool by_index_;
  double length_;
};

/// The period that holds the last observed instant, at the end of which T is measured.
inline std::int64_t end_period(const OrderWalk& orders, const std::optional<Period>& collapse,
                               std::int64_t end) {
  return collapse ? period_of_day(orders.day(end - 1), *collapse) : end;
}

/// What the orders of one customer come to, one collapse period after the other.
struct OrderFacts {
  std::int64_t orders = 0;
  std::int64_t first_period = 0, last_period = 0;
  std::int64_t first_time = 0, last_time = 0;
  double repeat_amount = 0.0;
  double revenue = 0.0;

  void add(const PurchasePeriod& p) {
    revenue += p.amount;
    if (!p.is_order) return;
    if (orders++ == 0) {
      first_period = p.period;
      first_time = p.first_time;
    } else {
      repeat_amount += p.amount;
    }
    last_period = p.period;
    last_time = p.first_time;
  }

  /// The same for a customer whose rows are all orders, by days of `offset` from UTC, bit for bit;
  /// false, and nothing told, if there is a refund. Whether the next order is on the same day is
  /// anybody's guess: without branches.
  bool add_days(const CustomerEvents& events, std::int64_t offset) {
    constexpr double kNothing = 0.0;
    const std::int64_t n = events.size();
    const std::int64_t* const time = events.time.data();
    const double* const amount = events.amount.empty() ? &kNothing : events.amount.data();
    const std::int64_t stride = events.amount.empty() ? 0 : 1;
    const auto day = [&](std::int64_t i) { return floor_div(time[i] + offset, kMicrosPerDay); };
    const auto masked = [](double v, std::uint64_t mask) {
      return std::bit_cast<double>(std::bit_cast<std::uint64_t>(v) & mask);
    };

    std::int64_t today = day(0), i = 0;
    double least = 0.0, of_day = 0.0;
    do {
      of_day += amount[i * stride];
      least = std::min(least, amount[i * stride]);
    } while (++i < n && day(i) == today);
    double total = of_day, again = 0.0;
    std::int64_t days = 1, began = time[0];
    of_day = 0.0;
    for (; i < n; ++i) {
      const std::int64_t now = day(i);
      const std::uint64_t is_new = now != today, mask = 0 - is_new;
      const double closed = masked(of_day, mask), paid = amount[i * stride];
      total += closed;
      again += closed;
      of_day = masked(of_day, ~mask) + paid;
      least = std::min(least, paid);
      days += static_cast<std::int64_t>(is_new);
      began ^= (began ^ time[i]) & static_cast<std::int64_t>(mask);
      today = now;
    }
    if (least < 0.0) return false;
    if (days > 1) {
      total += of_day;
      again += of_day;
    }
    *this = {.orders = days,
             .first_period = day(0),
             .last_period = today,
             .first_time = time[0],
             .last_time = began,
             .repeat_amount = again,
             .revenue = total};
    return true;
  }

  /// Row `at` of a summary whose customers have or lack amounts.
  void write(Summary& to, std::int64_t at, std::int64_t customer, const Ruler& ruler,
             std::int64_t end, bool amounts) const {
    to.customer[at] = customer;
    to.frequency[at] = orders - 1;
    to.recency[at] = ruler(first_period, last_period);
    to.age[at] = ruler(first_period, end);
    to.monetary_value[at] = orders > 1 && amounts ? repeat_amount / static_cast<double>(orders - 1)
                                                  : std::numeric_limits<double>::quiet_NaN();
    to.revenue[at] = revenue;
    to.first_order[at] = first_time;
    to.last_order[at] = last_time;
  }
};

inline Summary sized_summary(std::int64_t n) {
  return {Buffer<std::int64_t>(n), Buffer<std::int64_t>(n), Buffer<double>(n),
          Buffer<double>(n),       Buffer<double>(n),       Buffer<double>(n),
          Buffer<std::int64_t>(n), Buffer<std::int64_t>(n)};
}

}  // namespace tenure::events::detail
