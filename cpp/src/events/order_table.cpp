#include "tenure/events/order_table.hpp"

#include <vector>

#include "order_facts.hpp"
#include "tenure/events/scan.hpp"

namespace tenure::events {
namespace {

/// Calls fill(c, at) for each customer, `at` being the row behind those of the customers before;
/// count(c) is how many rows a customer has. `allocate(rows)` comes in between.
template <class Count, class Allocate, class Fill>
void rows_by_customer(const EventLog& log, const Execution& execution, const Count& count,
                      const Allocate& allocate, const Fill& fill) {
  const auto ranges = scan_ranges(log);
  const std::int64_t tasks = std::ssize(ranges) - 1;
  std::vector<std::int64_t> place(static_cast<std::size_t>(tasks + 1));
  const auto each = [&](std::int64_t t, const auto& body) {
    const auto range = static_cast<std::size_t>(t);
    for (std::int64_t c = ranges[range]; c < ranges[range + 1]; ++c) body(c);
  };
  for_each_task(tasks, execution, [&](std::int64_t t) {
    std::int64_t rows = 0;
    each(t, [&](std::int64_t c) { rows += count(c); });
    place[static_cast<std::size_t>(t) + 1] = rows;
  });
  for (std::size_t t = 1; t < place.size(); ++t) place[t] += place[t - 1];
  allocate(place.back());
  for_each_task(tasks, execution, [&](std::int64_t t) {
    std::int64_t at = place[static_cast<std::size_t>(t)];
    each(t, [&](std::int64_t c) { at = fill(c, at); });
  });
}

}  // namespace

OrderGaps order_gaps(const EventLog& log, const SummaryOptions& options,
                     const Execution& execution) {
  const OrderWalk orders(log, options.collapse, options.end);
  const detail::Ruler ruler(options);
  const std::int64_t end = detail::end_period(orders, options.collapse, options.end);
  OrderGaps gaps;
  rows_by_customer(
      log, execution,
      [&](std::int64_t c) {
        std::int64_t n = 0;
        orders(log[c], [&n](const PurchasePeriod& p) { n += p.is_order; });
        return n;
      },
      [&](std::int64_t rows) {
        gaps = {Buffer<std::int64_t>(rows), Buffer<std::int64_t>(rows), Buffer<std::int64_t>(rows),
                Buffer<double>(rows), Buffer<std::uint8_t>(rows)};
      },
      [&](std::int64_t c, std::int64_t at) {
        std::int64_t number = 0, before = 0;
        orders(log[c], [&](const PurchasePeriod& p) {
          if (!p.is_order) return;
          if (number > 0) {
            gaps.length[at] = ruler(before, p.period);
            gaps.ended[at] = 1;
            ++at;
          }
          gaps.customer[at] = c;
          gaps.number[at] = ++number;
          gaps.from[at] = p.first_time;
          before = p.period;
        });
        if (number == 0) return at;
        gaps.length[at] = ruler(before, end);
        gaps.ended[at] = 0;
        return at + 1;
      });
  return gaps;
}

OrderPeriods order_periods(const EventLog& log, Period period, std::optional<Period> collapse,
                           std::int64_t end, const Execution& execution) {
  const OrderWalk orders(log, collapse, end);
  const auto period_of = [&](const PurchasePeriod& p) {
    return period_of_day(orders.day(p.first_time), period);
  };
  OrderPeriods table;
  rows_by_customer(
      log, execution,
      [&](std::int64_t c) {
        std::int64_t n = 0, last = 0;
        orders(log[c], [&](const PurchasePeriod& p) {
          const std::int64_t at = period_of(p);
          n += n == 0 || at != last;
          last = at;
        });
        return n;
      },
      [&](std::int64_t rows) {
        table = {Buffer<std::int64_t>(rows), Buffer<std::int64_t>(rows), Buffer<std::int64_t>(rows),
                 Buffer<double>(rows)};
      },
      [&](std::int64_t c, std::int64_t at) {
        bool open = false;
        orders(log[c], [&](const PurchasePeriod& p) {
          const std::int64_t now = period_of(p);
          if (!open || now != table.period[at]) {
            at += open;
            open = true;
            table.customer[at] = c;
            table.period[at] = now;
            table.orders[at] = 0;
            table.revenue[at] = 0.0;
          }
          table.orders[at] += p.is_order;
          table.revenue[at] += p.amount;
        });
        return at + open;
      });
  return table;
}

}  // namespace tenure::events
