#include "tenure/events/summary_panel.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "order_facts.hpp"
#include "panel_rows.hpp"

namespace tenure::events {
namespace {

/// Customers by the first end behind their first order; as many as ends for none.
std::size_t first_known(const EventLog& log, std::int64_t c, std::span<const std::int64_t> ends) {
  for (std::int64_t i = log.offset[c]; i < log.offset[c + 1]; ++i)
    if (log.is_order(i) && !(log.has_amount() && log.amount[i] < 0.0))
      return static_cast<std::size_t>(std::ranges::upper_bound(ends, log.time[i]) - ends.begin());
  return ends.size();
}

}  // namespace

SummaryPanel summarise_at(const EventLog& log, const SummaryOptions& options,
                          std::span<const std::int64_t> ends, const Execution& execution) {
  auto panel = detail::panel_rows(log, ends, execution,
                                  [&](std::int64_t c) { return first_known(log, c, ends); });
  Summary rows = detail::sized_summary(panel.rows());
  const detail::Ruler ruler(options);
  const OrderWalk days(log, Period::day, 0);
  std::vector<std::int64_t> end_period;
  for (const std::int64_t end : ends)
    end_period.push_back(detail::end_period(days, options.collapse, end));
  const OrderWalk orders(log, options.collapse, std::numeric_limits<std::int64_t>::max());
  panel.for_each_customer(execution, [&](std::int64_t c, std::vector<std::int64_t>& next) {
    detail::OrderFacts closed;
    std::size_t k = 0;
    orders(
        log[c], [&](const PurchasePeriod& p) { closed.add(p); },
        [&](std::int64_t time, const PurchasePeriod* open) {
          // Each end that the row passes is told what was known then, a period cut by it included.
          for (; k < ends.size() && ends[k] <= time; ++k) {
            detail::OrderFacts now = closed;
            if (open) now.add(*open);
            if (now.orders > 0)
              now.write(rows, next[k]++, c, ruler, end_period[k], log.has_amount());
          }
        });
  });
  return {std::move(rows), std::move(panel.first)};
}

}  // namespace tenure::events
