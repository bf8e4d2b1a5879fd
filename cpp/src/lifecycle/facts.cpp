#include "tenure/lifecycle/facts.hpp"

#include <algorithm>
#include <limits>

#include "tenure/events/orders.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::lifecycle {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Writes each customer's facts to its own place; only the gaps are merged.
class FactsScan {
 public:
  FactsScan(const events::EventLog& log, const FactsOptions& options, CustomerFacts& facts)
      : orders_(log, Period::day, options.at),
        at_(options.at),
        last_day_(orders_.day(options.at - 1)),
        window_(options.window_days),
        facts_(&facts) {}

  void visit(const events::CustomerEvents& events) {
    std::int64_t n = 0, window_orders = 0, first_day = 0, last_day = 0, last_gap = 0;
    double value = 0.0, window_value = 0.0;
    orders_(events, [&](const events::PurchasePeriod& day) {
      const bool in_window = day.period > last_day_ - window_;
      value += day.amount;
      if (in_window) window_value += day.amount;
      if (!day.is_order) return;
      window_orders += in_window;
      if (n++ == 0) {
        first_day = day.period;
      } else {
        last_gap = day.period - last_day;
        count(last_gap);
      }
      last_day = day.period;
    });
    const std::int64_t c = events.customer;
    facts_->known[c] = events.time.empty() || events.time.front() < at_;
    facts_->orders[c] = n;
    facts_->days_since_last[c] = n > 0 ? last_day_ - last_day : -1;
    facts_->mean_gap[c] =
        n > 1 ? static_cast<double>(last_day - first_day) / static_cast<double>(n - 1) : kNan;
    facts_->last_gap[c] = n > 1 ? static_cast<double>(last_gap) : kNan;
    facts_->net_value[c] = value;
    facts_->window_orders[c] = window_orders;
    facts_->window_value[c] = window_value;
  }

  void merge(FactsScan&& later) {
    if (gaps_.size() < later.gaps_.size()) gaps_.resize(later.gaps_.size());
    for (std::size_t g = 0; g < later.gaps_.size(); ++g) gaps_[g] += later.gaps_[g];
  }

  std::vector<std::int64_t> finish() && { return std::move(gaps_); }

 private:
  void count(std::int64_t gap) {
    const auto days = static_cast<std::size_t>(gap);
    if (days >= gaps_.size()) gaps_.resize(days + 1);
    ++gaps_[days];
  }

  events::OrderWalk orders_;
  std::int64_t at_, last_day_, window_;
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

WindowFacts window_facts(const events::EventLog& log, std::int64_t from, std::int64_t until,
                         const Execution& execution) {
  WindowFacts facts{Buffer<std::uint8_t>(log.customers()), Buffer<double>(log.customers())};
  const events::OrderWalk orders(log, Period::day, until);
  for_each_block(
      log.customers(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (std::int64_t c = first; c < last; ++c) {
          events::CustomerEvents events = log[c];
          const auto skip = static_cast<std::size_t>(std::ranges::lower_bound(events.time, from) -
                                                     events.time.begin());
          events.time = events.time.subspan(skip);
          if (!events.amount.empty()) events.amount = events.amount.subspan(skip);
          if (!events.event.empty()) events.event = events.event.subspan(skip);
          std::uint8_t ordered = 0;
          double revenue = 0.0;
          orders(events, [&](const events::PurchasePeriod& day) {
            ordered |= static_cast<std::uint8_t>(day.is_order);
            revenue += day.amount;
          });
          facts.ordered[c] = ordered;
          facts.revenue[c] = revenue;
        }
      });
  return facts;
}

}  // namespace tenure::lifecycle
