#include "tenure/lifecycle/stages.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tenure/events/index.hpp"
#include "tenure/lifecycle/outcomes.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::lifecycle {
namespace {

constexpr std::int64_t kAt = 1000;  // cutoff: the end of day 999

struct Row {
  std::int64_t customer, day;
  double amount;
};

events::EventLog log_of(const std::vector<Row>& rows) {
  std::vector<std::int64_t> customer, time;
  std::vector<double> amount;
  for (const Row& r : rows) {
    customer.push_back(r.customer);
    time.push_back(r.day * kMicrosPerDay + kMicrosPerDay / 2);
    amount.push_back(r.amount);
  }
  events::EventLog log = std::move(
      events::index_events(
          {{std::ssize(customer), customer.data(), time.data(), amount.data(), nullptr}}, {1})
          .log);
  log.observed_until = 2 * kAt * kMicrosPerDay;
  return log;
}

CustomerFacts facts_of(const std::vector<Row>& rows, std::int64_t window = 365) {
  return customer_facts(log_of(rows), {kAt * kMicrosPerDay, window}, {1});
}

TEST(CustomerFacts, MatchTheHandCountedCustomer) {
  // Two rows of one day are one order; the refund on day 990 moves money only; day 1000 is the
  // future.
  const auto f =
      facts_of({{1, 600, 10}, {1, 634, 1}, {1, 634, 2}, {1, 980, 4}, {1, 990, -3}, {1, 1000, 99}});
  EXPECT_EQ(f.known[0], 1);
  EXPECT_EQ(f.orders[0], 3);
  EXPECT_EQ(f.days_since_last[0], 19);
  EXPECT_EQ(f.mean_gap[0], 190.0);
  EXPECT_EQ(f.last_gap[0], 346.0);
  EXPECT_EQ(f.net_value[0], 14.0);
  EXPECT_EQ(f.window_orders[0], 1);  // the window is days 635 to 999
  EXPECT_EQ(f.window_value[0], 1.0);
  EXPECT_EQ(f.gaps.size(), 347u);
  EXPECT_EQ(f.gaps[34], 1);
  EXPECT_EQ(f.gaps[346], 1);
}

TEST(CustomerFacts, TheWindowHoldsItsFirstDay) {
  EXPECT_EQ(facts_of({{1, 635, 1}}).window_orders[0], 1);
  EXPECT_EQ(facts_of({{1, 634, 1}}).window_orders[0], 0);
}

TEST(CustomerFacts, WithoutAnOrderThereAreNoGaps) {
  const auto f = facts_of({{1, 900, -1}, {2, 1001, 1}});
  EXPECT_EQ(f.known[0], 1);  // a refund is no order, but somebody was there
  EXPECT_EQ(f.known[1], 0);  // not yet
  EXPECT_EQ(f.orders[0], 0);
  EXPECT_EQ(f.days_since_last[0], -1);
  EXPECT_TRUE(std::isnan(f.mean_gap[0]));
}

/// A customer by the numbers that rules compare.
CustomerFacts customer(std::int64_t n, std::int64_t r, double mean_gap, double last_gap,
                       std::int64_t f, double m) {
  CustomerFacts facts{Buffer<std::uint8_t>(1), Buffer<std::int64_t>(1), Buffer<std::int64_t>(1),
                      Buffer<double>(1),       Buffer<double>(1),       Buffer<double>(1),
                      Buffer<std::int64_t>(1), Buffer<double>(1),       {}};
  facts.known[0] = 1;
  facts.orders[0] = n;
  facts.days_since_last[0] = r;
  facts.mean_gap[0] = mean_gap;
  facts.last_gap[0] = last_gap;
  facts.net_value[0] = m;
  facts.window_orders[0] = f;
  facts.window_value[0] = m;
  return facts;
}

const Calibration kCut{.new_days = 30,
                       .active_days = 98.5,
                       .lapsed_days = 214,
                       .frequency_cuts = {3, 5},
                       .value_cuts = {70, 110, 200},
                       .gaps = 0,
                       .repeaters = 0,
                       .fallback = false};

std::string_view stage(const CustomerFacts& facts, bool identified = false) {
  return seed_rules()[assign_stages(facts, kCut,
                                    std::vector<std::uint8_t>{identified ? std::uint8_t{1}
                                                                         : std::uint8_t{0}})[0]]
      .stage;
}

TEST(Stages, TheFirstMatchingRuleWins) {
  const double none = std::nan("");
  EXPECT_EQ(stage(customer(0, -1, none, none, 0, 0)), "visitor");
  EXPECT_EQ(stage(customer(0, -1, none, none, 0, 0), true), "lead");
  EXPECT_EQ(stage(customer(9, 30, 50, 215, 9, 999)), "reactivated");  // before champion
  EXPECT_EQ(stage(customer(9, 30, 50, 214, 9, 999)), "champion");
  EXPECT_EQ(stage(customer(1, 30, none, none, 1, 999)), "new");
  EXPECT_EQ(stage(customer(1, 31, none, none, 1, 999)), "recent");
  EXPECT_EQ(stage(customer(5, 98, 10, 10, 5, 200)), "champion");
  EXPECT_EQ(stage(customer(5, 98, 10, 10, 4, 200)), "loyal");
  EXPECT_EQ(stage(customer(5, 98, 10, 10, 5, 199)), "loyal");
  EXPECT_EQ(stage(customer(3, 98, 99, 99, 3, 110)), "loyal");  // before recent
  EXPECT_EQ(stage(customer(3, 98, 99, 99, 2, 110)), "recent");
  EXPECT_EQ(stage(customer(3, 98, 98.5, 98, 2, 110)), "potential loyalist");
  EXPECT_EQ(stage(customer(4, 98, 99, 99, 2, 70)), "potential loyalist");
  EXPECT_EQ(stage(customer(4, 98, 99, 99, 2, 69)), "promising");
  EXPECT_EQ(stage(customer(4, 99, 99, 99, 3, 110)), "can't lose");
  EXPECT_EQ(stage(customer(4, 214, 99, 99, 2, 110)), "at risk");
  EXPECT_EQ(stage(customer(1, 99, none, none, 1, 110)), "one-time lapsed");
  EXPECT_EQ(stage(customer(1, 214, none, none, 1, 110)), "one-time lapsed");
  EXPECT_EQ(stage(customer(9, 215, 9, 9, 9, 999)), "lost");
}

/// 120 repeaters: customer i orders on days 900 and 901 + i % 10, for i + 1 in all.
std::vector<Row> repeaters(std::int64_t n) {
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    rows.push_back({i, 900, static_cast<double>(i)});
    rows.push_back({i, 901 + i % 10, 1.0});
  }
  return rows;
}

TEST(Calibration, TakesQuantilesOfGapsOrdersAndValue) {
  // Gaps 1, ..., 10, twelve of each; values 1, ..., 120; two orders each.
  const auto c = calibrate(facts_of(repeaters(120)), {.new_days = 2});
  EXPECT_FALSE(c.fallback);
  EXPECT_EQ(c.gaps, 120);
  EXPECT_EQ(c.repeaters, 120);
  EXPECT_NEAR(c.active_days, 8.2, 1e-12);  // place 95.2: the last 8 and the first 9
  EXPECT_EQ(c.lapsed_days, 10.0);
  EXPECT_EQ(c.frequency_cuts, (std::array{2.0, 2.0}));
  EXPECT_NEAR(c.value_cuts[0], 48.6, 1e-12);
  EXPECT_NEAR(c.value_cuts[2], 96.2, 1e-12);
}

TEST(Calibration, KeepsItsStagesInOrder) {
  const auto c = calibrate(facts_of(repeaters(120)), {});
  EXPECT_EQ(c.active_days, 31.0);  // N + 1
  EXPECT_EQ(c.lapsed_days, 32.0);  // A + 1
}

TEST(Calibration, FallsBackWhereFewBuyTwice) {
  auto rows = repeaters(99);
  const auto c = calibrate(facts_of(rows), {});
  EXPECT_TRUE(c.fallback);
  EXPECT_EQ(c.active_days, 90.0);
  EXPECT_EQ(c.lapsed_days, 180.0);
  EXPECT_EQ(c.frequency_cuts, (std::array{2.0, 4.0}));
  EXPECT_NEAR(c.value_cuts[1], 1.0 + 0.6 * 98.0, 1e-12);
  EXPECT_FALSE(calibrate(facts_of(rows), {.min_repeaters = 99}).fallback);
  // A repeater of long ago counts for the values of the fallback, with nothing in the window.
  rows.push_back({500, 1, 1e6});
  rows.push_back({500, 2, 1e6});
  EXPECT_EQ(calibrate(facts_of(rows), {}).repeaters, 100);
}

TEST(Calibration, OfNobodyComparesWithNothing) {
  const auto c = calibrate(facts_of({{1, 990, 1}}), {});
  EXPECT_TRUE(std::isnan(c.value_cuts[0]));
  EXPECT_EQ(c.gaps, 0);
}

TEST(Calibration, TakesWhatTheCallerFixes) {
  const auto facts = facts_of(repeaters(120));
  const auto c = calibrate(facts, {.new_days = 7,
                                   .active_days = 40,
                                   .lapsed_days = 60.5,
                                   .frequency_cuts = std::array{1.0, 9.0},
                                   .value_cuts = std::array{1.0, 2.0, 3.0}});
  EXPECT_EQ(c.lapsed_days, 60.5);
  EXPECT_EQ(c.value_cuts[2], 3.0);
  const auto refuses = [&](const CalibrationOptions& o, const char* argument) {
    try {
      calibrate(facts, o);
      ADD_FAILURE() << "no error for " << argument;
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.argument(), argument);
    }
  };
  refuses({.new_days = 0}, "new_days");
  refuses({.active_days = 30}, "active_days");
  refuses({.active_days = 100, .lapsed_days = 100}, "lapsed_days");
  refuses({.lapsed_days = std::nan("")}, "lapsed_days");
  refuses({.frequency_cuts = std::array{3.0, 2.0}}, "frequency_cuts");
  refuses({.value_cuts = std::array{1.0, 3.0, 2.0}}, "value_cuts");
  refuses({.min_repeaters = -1}, "min_repeaters");
}

TEST(CustomerFacts, HaveTheSameBitsForEveryThreadCount) {
  std::mt19937_64 rng(5);
  std::vector<Row> rows;
  for (int i = 0; i < 60'000; ++i)
    rows.push_back({static_cast<std::int64_t>(rng() % 20'000),
                    static_cast<std::int64_t>(rng() % 1200),
                    static_cast<double>(rng() % 1000) / 7.0 - 20.0});
  const auto log = log_of(rows);
  const FactsOptions options{kAt * kMicrosPerDay, 365};
  const auto once = customer_facts(log, options, {1});
  for (const int threads : {2, 3, 8}) {
    const auto again = customer_facts(log, options, {threads});
    EXPECT_EQ(again.gaps, once.gaps);
    EXPECT_TRUE(std::ranges::equal(again.window_value.span(), once.window_value.span()));
    EXPECT_TRUE(std::ranges::equal(again.net_value.span(), once.net_value.span()));
  }
}

TEST(WindowFacts, CountFromTheInstantOn) {
  const auto log = log_of({{1, 1000, 5}, {1, 1001, -1}, {2, 1001, -2}, {3, 999, 7}, {3, 1010, 9}});
  const std::vector<std::int64_t> edges{kAt * kMicrosPerDay, (kAt + 10) * kMicrosPerDay};
  const auto w = window_facts(log, edges, {1});
  EXPECT_TRUE(std::ranges::equal(w.ordered.span(), std::vector<std::uint8_t>{1, 0, 0}));
  EXPECT_TRUE(std::ranges::equal(w.revenue.span(), std::vector<double>{4, -2, 0}));
}

TEST(GroupOutcomes, MatchTheHandCountedGroups) {
  const std::vector<std::uint8_t> group{0, 0, 0, 2, 0}, ordered{1, 0, 1, 1, 1};
  const std::vector<double> revenue{1, 0, 2, 50, 7};
  const auto o = group_outcomes({group, ordered, revenue}, 3, {0.95, 0.75});
  EXPECT_EQ(o.customers, (std::vector<std::int64_t>{4, 0, 1}));
  EXPECT_EQ(o.lost, (std::vector<std::int64_t>{1, 0, 0}));
  EXPECT_EQ(o.loss[0], 0.25);
  EXPECT_TRUE(std::isnan(o.loss[1]));
  EXPECT_EQ(o.loss_lower[2], 0.0);
  EXPECT_EQ(o.revenue, (std::vector<double>{10, 0, 50}));
  EXPECT_EQ(o.mean[0], 2.5);
  // Sum of squared deviations 29: s^2 = 29/3, standard error sqrt(29/12).
  EXPECT_NEAR(o.mean_upper[0] - 2.5, 1.959963984540054 * std::sqrt(29.0 / 12.0), 1e-13);
  EXPECT_NEAR(2.5 - o.mean_lower[0], 1.959963984540054 * std::sqrt(29.0 / 12.0), 1e-13);
  EXPECT_TRUE(std::isnan(o.mean_lower[2]));
  EXPECT_EQ(o.median[0], 1.5);
  // Quantiles .25 and .75 of 0 1 2 7 are .75 and 3.25.
  EXPECT_EQ(o.winsorised_mean[0], (0.75 + 1.0 + 2.0 + 3.25) / 4.0);
  EXPECT_TRUE(std::isnan(o.winsorised_mean[1]));
}

TEST(GroupOutcomes, RefuseWhatDoesNotFit) {
  const std::vector<std::uint8_t> group{0, 3}, ordered{1, 0}, one{1};
  const std::vector<double> revenue{1, 0};
  EXPECT_THROW(group_outcomes({group, ordered, revenue}, 3, {}), InvalidInput);
  EXPECT_THROW(group_outcomes({group, one, revenue}, 4, {}), InvalidInput);
  EXPECT_THROW(group_outcomes({group, ordered, revenue}, 4, {1.0, 0.99}), InvalidInput);
  EXPECT_THROW(group_outcomes({group, ordered, revenue}, 4, {0.95, 0.4}), InvalidInput);
}

}  // namespace
}  // namespace tenure::lifecycle
