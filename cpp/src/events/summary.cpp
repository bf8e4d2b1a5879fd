#include "tenure/events/summary.hpp"

#include <cmath>
#include <vector>

#include "order_facts.hpp"
#include "tenure/events/scan.hpp"

namespace tenure::events {
namespace {

template <class T>
Buffer<T> shortened(Buffer<T> all, const std::vector<std::int64_t>& rows) {
  Buffer<T> some(std::ssize(rows));
  for (std::size_t i = 0; i < rows.size(); ++i) some[static_cast<std::int64_t>(i)] = all[rows[i]];
  return some;
}

/// Sum of the logarithms of the times between consecutive orders, of every customer of the log.
Buffer<double> sum_log_gaps(const EventLog& log, const OrderWalk& orders,
                            const detail::Ruler& ruler, const Execution& execution) {
  Buffer<double> sums(log.customers());
  const auto ranges = scan_ranges(log);
  for_each_task(std::ssize(ranges) - 1, execution, [&](std::int64_t t) {
    const std::int64_t first = ranges[static_cast<std::size_t>(t)];
    const std::int64_t last = ranges[static_cast<std::size_t>(t) + 1];
    for (std::int64_t c = first; c < last; ++c) {
      bool any = false;
      std::int64_t before = 0;
      double sum = 0.0;
      orders(log[c], [&](const PurchasePeriod& p) {
        if (!p.is_order) return;
        if (any) sum += std::log(ruler(before, p.period));
        any = true;
        before = p.period;
      });
      sums[c] = sum;
    }
  });
  return sums;
}

}  // namespace

Summary summarise(const EventLog& log, const SummaryOptions& options, const Execution& execution) {
  const OrderWalk orders(log, options.collapse, options.end);
  const detail::Ruler ruler(options);
  const std::int64_t end = detail::end_period(orders, options.collapse, options.end);

  const auto offset =
      log.timezone.fixed() && log.order_event.empty() && options.collapse == Period::day
          ? std::optional(log.timezone.offset_at(0))
          : std::nullopt;

  Summary all = detail::sized_summary(log.customers());
  const auto ranges = scan_ranges(log);
  std::vector<std::int64_t> without_orders(ranges.size() - 1);
  for_each_task(std::ssize(ranges) - 1, execution, [&](std::int64_t t) {
    std::int64_t missing = 0;
    const std::int64_t first = ranges[static_cast<std::size_t>(t)];
    const std::int64_t last = ranges[static_cast<std::size_t>(t) + 1];
    for (std::int64_t c = first; c < last; ++c) {
      detail::OrderFacts facts;
      const CustomerEvents events = log[c];
      const bool whole = offset && events.size() > 0 && events.time.back() < options.end;
      if (!whole || !facts.add_days(events, *offset))
        orders(events, [&facts](const PurchasePeriod& p) { facts.add(p); });
      facts.write(all, c, facts.orders == 0 ? -1 : c, ruler, end, log.has_amount());
      missing += facts.orders == 0;
    }
    without_orders[static_cast<std::size_t>(t)] = missing;
  });

  if (options.log_gaps) all.log_gaps = sum_log_gaps(log, orders, ruler, execution);
  std::int64_t missing = 0;
  for (const std::int64_t n : without_orders) missing += n;
  if (missing == 0) return all;

  std::vector<std::int64_t> rows;
  rows.reserve(static_cast<std::size_t>(log.customers() - missing));
  for (std::int64_t c = 0; c < log.customers(); ++c)
    if (all.customer[c] >= 0) rows.push_back(c);
  Summary some{
      shortened(std::move(all.customer), rows),       shortened(std::move(all.frequency), rows),
      shortened(std::move(all.recency), rows),        shortened(std::move(all.age), rows),
      shortened(std::move(all.monetary_value), rows), shortened(std::move(all.revenue), rows),
      shortened(std::move(all.first_order), rows),    shortened(std::move(all.last_order), rows)};
  if (options.log_gaps) some.log_gaps = shortened(std::move(all.log_gaps), rows);
  return some;
}

}  // namespace tenure::events
