#include "tenure/events/summary_panel.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "order_facts.hpp"
#include "panel_rows.hpp"

namespace tenure::events {
namespace {

/// Walks the order rows of a customer and calls body(k, facts) for each end that lies behind the
/// first order: with what was known then, a period that is cut by the end included.
class AsOf {
 public:
  AsOf(const EventLog& log, const SummaryOptions& options, std::span<const std::int64_t> ends)
      : log_(&log), collapse_(options.collapse), ends_(ends), day_(log, Period::day, 0) {}

  template <class Body>
  void operator()(const CustomerEvents& events, const Body& body) const {
    detail::OrderFacts closed;
    PurchasePeriod open{};
    bool is_open = false;
    std::size_t k = 0;
    const auto tell = [&] {
      detail::OrderFacts now = closed;
      if (is_open) now.add(open);
      if (now.orders > 0) body(k, now);
      ++k;
    };
    for (std::size_t i = 0; i < events.time.size() && k < ends_.size(); ++i) {
      if (!log_->order_event.empty() && log_->order_event[events.event[i]] == 0) continue;
      while (k < ends_.size() && ends_[k] <= events.time[i]) tell();
      const double amount = events.amount.empty() ? 0.0 : events.amount[i];
      std::int64_t period = period_of(events.time[i]);
      if (is_open && period < open.period) period = open.period;  // as in OrderWalk
      if (!is_open || period != open.period) {
        if (is_open) closed.add(open);
        open = {period, events.time[i], 0.0, false};
        is_open = true;
      }
      open.amount += amount;
      open.is_order |= !(amount < 0.0);
    }
    while (k < ends_.size()) tell();
  }

 private:
  std::int64_t period_of(std::int64_t time) const {
    if (!collapse_) return time;
    return *collapse_ == Period::day ? day_.day(time) : period_of_day(day_.day(time), *collapse_);
  }

  const EventLog* log_;
  std::optional<Period> collapse_;
  std::span<const std::int64_t> ends_;
  OrderWalk day_;
};

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
  const AsOf as_of(log, options, ends);
  panel.for_each_customer(execution, [&](std::int64_t c, std::vector<std::int64_t>& next) {
    as_of(log[c], [&](std::size_t k, const detail::OrderFacts& facts) {
      facts.write(rows, next[k]++, c, ruler, end_period[k], log.has_amount());
    });
  });
  return {std::move(rows), std::move(panel.first)};
}

}  // namespace tenure::events
