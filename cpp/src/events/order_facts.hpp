#pragma once
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
