#include "tenure/events/summary.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "tenure/events/orders.hpp"
#include "tenure/events/scan.hpp"

namespace tenure::events {
namespace {

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

struct Facts {
  std::int64_t orders = 0;
  std::int64_t first_period = 0, last_period = 0;
  std::int64_t first_time = 0, last_time = 0;
  double repeat_amount = 0.0;
  double revenue = 0.0;
};

Summary sized(std::int64_t n) {
  return {Buffer<std::int64_t>(n), Buffer<std::int64_t>(n), Buffer<double>(n),
          Buffer<double>(n),       Buffer<double>(n),       Buffer<double>(n),
          Buffer<std::int64_t>(n), Buffer<std::int64_t>(n)};
}

template <class T>
Buffer<T> shortened(Buffer<T> all, const std::vector<std::int64_t>& rows) {
  Buffer<T> some(std::ssize(rows));
  for (std::size_t i = 0; i < rows.size(); ++i) some[static_cast<std::int64_t>(i)] = all[rows[i]];
  return some;
}

}  // namespace

Summary summarise(const EventLog& log, const SummaryOptions& options, const Execution& execution) {
  const OrderWalk orders(log, options.collapse, options.end);
  const Ruler ruler(options);
  const std::int64_t last_day = orders.day(options.end - 1);
  const std::int64_t end_period =
      options.collapse ? period_of_day(last_day, *options.collapse) : options.end;

  Summary all = sized(log.customers());
  const auto ranges = scan_ranges(log);
  std::vector<std::int64_t> without_orders(ranges.size() - 1);
  for_each_task(std::ssize(ranges) - 1, execution, [&](std::int64_t t) {
    std::int64_t missing = 0;
    const std::int64_t first = ranges[static_cast<std::size_t>(t)];
    const std::int64_t last = ranges[static_cast<std::size_t>(t) + 1];
    for (std::int64_t c = first; c < last; ++c) {
      Facts f;
      orders(log[c], [&f](const PurchasePeriod& p) {
        f.revenue += p.amount;
        if (!p.is_order) return;
        if (f.orders++ == 0) {
          f.first_period = p.period;
          f.first_time = p.first_time;
        } else {
          f.repeat_amount += p.amount;
        }
        f.last_period = p.period;
        f.last_time = p.first_time;
      });
      missing += f.orders == 0;
      all.customer[c] = f.orders == 0 ? -1 : c;
      all.frequency[c] = f.orders - 1;
      all.recency[c] = ruler(f.first_period, f.last_period);
      all.age[c] = ruler(f.first_period, end_period);
      all.monetary_value[c] = f.orders > 1 && log.has_amount()
                                  ? f.repeat_amount / static_cast<double>(f.orders - 1)
                                  : std::numeric_limits<double>::quiet_NaN();
      all.revenue[c] = f.revenue;
      all.first_order[c] = f.first_time;
      all.last_order[c] = f.last_time;
    }
    without_orders[static_cast<std::size_t>(t)] = missing;
  });

  std::int64_t missing = 0;
  for (const std::int64_t n : without_orders) missing += n;
  if (missing == 0) return all;

  std::vector<std::int64_t> rows;
  rows.reserve(static_cast<std::size_t>(log.customers() - missing));
  for (std::int64_t c = 0; c < log.customers(); ++c)
    if (all.customer[c] >= 0) rows.push_back(c);
  return {
      shortened(std::move(all.customer), rows),       shortened(std::move(all.frequency), rows),
      shortened(std::move(all.recency), rows),        shortened(std::move(all.age), rows),
      shortened(std::move(all.monetary_value), rows), shortened(std::move(all.revenue), rows),
      shortened(std::move(all.first_order), rows),    shortened(std::move(all.last_order), rows)};
}

}  // namespace tenure::events
