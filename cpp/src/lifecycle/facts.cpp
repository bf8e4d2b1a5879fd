#include "tenure/lifecycle/facts.hpp"

#include <algorithm>

#include "snapshots.hpp"
#include "tenure/events/orders.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::lifecycle {
namespace {

/// Writes each customer's facts to its own place; only the gaps are merged.
class FactsScan {
 public:
  FactsScan(const events::EventLog& log, const FactsOptions& options, CustomerFacts& facts)
      : walk_(log, {&options.at, 1}, options.window_days), facts_(&facts) {}

  void visit(const events::CustomerEvents& events) {
    const std::int64_t c = events.customer;
    bool known = false;
    Snapshot now;
    walk_(
        events,
        [&](std::size_t, const Snapshot& s) {
          known = true;
          now = s;
        },
        [&](std::size_t, std::int64_t days) { count_gap(gaps_, days); });
    facts_->known[c] = known;
    facts_->orders[c] = now.orders;
    facts_->days_since_last[c] = now.days_since_last;
    facts_->mean_gap[c] = now.mean_gap;
    facts_->last_gap[c] = now.last_gap;
    facts_->net_value[c] = now.net_value;
    facts_->window_orders[c] = now.window_orders;
    facts_->window_value[c] = now.window_value;
  }

  void merge(FactsScan&& later) { add_gaps(gaps_, later.gaps_); }

  std::vector<std::int64_t> finish() && { return std::move(gaps_); }

 private:
  SnapshotWalk walk_;
  CustomerFacts* facts_;
  std::vector<std::int64_t> gaps_;
};

}  // namespace

CustomerFacts customer_facts(const events::EventLog& log, const FactsOptions& options,
                             const Execution& execution) {
  if (options.window_days < 1)
    throw InvalidInput("window_days", -1, static_cast<double>(options.window_days), ">= 1");
  const std::int64_t n = log.customers();
  CustomerFacts facts{Buffer<std::uint8_t>(n), Buffer<std::int64_t>(n), Buffer<std::int64_t>(n),
                      Buffer<double>(n),       Buffer<double>(n),       Buffer<double>(n),
                      Buffer<std::int64_t>(n), Buffer<double>(n),       {}};
  facts.gaps = run_scan(log, FactsScan(log, options, facts), execution).finish();
  return facts;
}

WindowFacts window_facts(const events::EventLog& log, std::span<const std::int64_t> edges,
                         const Execution& execution) {
  const auto windows = std::ssize(edges) - 1;
  const std::int64_t n = log.customers();
  WindowFacts facts{Buffer<std::uint8_t>(windows * n), Buffer<double>(windows * n)};
  std::vector<events::OrderWalk> orders;
  for (std::int64_t w = 0; w < windows; ++w)
    orders.emplace_back(log, Period::day, edges[static_cast<std::size_t>(w) + 1]);
  for_each_block(n, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      events::CustomerEvents events = log[c];
      for (std::int64_t w = 0; w < windows; ++w) {
        const auto skip = static_cast<std::size_t>(
            std::ranges::lower_bound(events.time, edges[static_cast<std::size_t>(w)]) -
            events.time.begin());
        events.time = events.time.subspan(skip);
        if (!events.amount.empty()) events.amount = events.amount.subspan(skip);
        if (!events.event.empty()) events.event = events.event.subspan(skip);
        std::uint8_t ordered = 0;
        double revenue = 0.0;
        orders[static_cast<std::size_t>(w)](events, [&](const events::PurchasePeriod& day) {
          ordered |= static_cast<std::uint8_t>(day.is_order);
          revenue += day.amount;
        });
        facts.ordered[w * n + c] = ordered;
        facts.revenue[w * n + c] = revenue;
      }
    }
  });
  return facts;
}

}  // namespace tenure::lifecycle
