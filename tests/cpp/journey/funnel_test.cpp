#include "tenure/journey/funnel.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tenure/events/index.hpp"
#include "tenure/journey/funnel_table.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {
namespace {

/// Codes of events: a is 0, b is 1, ...; one customer, unless told.
events::EventLog log_of(const std::vector<std::int64_t>& time, const std::string& names,
                        std::int64_t until, std::vector<std::int64_t> customer = {}) {
  std::vector<std::uint16_t> event;
  for (const char c : names) event.push_back(static_cast<std::uint16_t>(c - 'a'));
  if (customer.empty()) customer.assign(time.size(), 1);
  events::EventLog log =
      std::move(events::index_events(
                    {{std::ssize(time), customer.data(), time.data(), nullptr, event.data()}}, {1})
                    .log);
  log.observed_until = until;
  return log;
}

/// Steps by name, of events a to e.
FunnelPlan plan_of(const std::vector<std::string>& steps, std::int64_t window) {
  FunnelPlan plan;
  plan.steps = static_cast<int>(steps.size());
  plan.step_of.assign(5, 0);
  for (std::size_t k = 0; k < steps.size(); ++k)
    for (const char c : steps[k]) plan.step_of[static_cast<std::size_t>(c - 'a')] |= Steps{1} << k;
  plan.window.assign(steps.size(), window);
  return plan;
}

Steps reached(const events::EventLog& log, const FunnelPlan& plan) {
  const FunnelUnits units = funnel_units(log, plan, {1});
  return units.reached.empty() ? 0 : units.reached.at(0);
}

TEST(Funnel, TellsOfTheFirstCompletionAndItsLatestStart) {
  const auto log = log_of({0, 10, 12, 15, 16, 40}, "aabbcc", 100);
  const FunnelUnits units = funnel_units(log, plan_of({"a", "b", "c"}, 20), {1});
  EXPECT_EQ(units.reached, (std::vector<Steps>{7}));
  EXPECT_EQ(units.at[0].time, (std::vector<std::int64_t>{2}));  // 12 - 10
  EXPECT_EQ(units.at[1].time, (std::vector<std::int64_t>{6}));  // 16 - 10
  EXPECT_EQ(units.at[1].lag,
            (std::vector<std::int64_t>{1}));  // 16 - 15: the step before is the last
}

TEST(Funnel, TheWindowHoldsItsEnd) {
  const auto log = log_of({0, 20}, "ab", 100);
  EXPECT_EQ(reached(log, plan_of({"a", "b"}, 20)), 3u);
  EXPECT_EQ(reached(log, plan_of({"a", "b"}, 19)), 1u);
}

TEST(Funnel, ALaterStartSavesAChain) {
  const auto log = log_of({0, 5, 12}, "aab", 100);
  auto plan = plan_of({"a", "b"}, 8);
  EXPECT_EQ(reached(log, plan), 3u);
  plan.start = ChainStart::first;
  EXPECT_EQ(reached(log, plan), 1u);
}

TEST(Funnel, EqualTimesGoInAnyOrderUnlessTheyMustIncrease) {
  const auto log = log_of({7, 7, 7}, "cba", 100);
  auto plan = plan_of({"c", "b", "a"}, 8);
  EXPECT_EQ(reached(log, plan), 7u);
  plan.increasing = true;
  EXPECT_EQ(reached(log, plan), 1u);
}

TEST(Funnel, AnEventServesOneStepUnlessReused) {
  const auto once = log_of({1, 2}, "ab", 100), twice = log_of({1, 2, 3}, "aba", 100);
  auto plan = plan_of({"a", "b", "ab"}, 8);
  EXPECT_EQ(reached(once, plan), 3u);
  EXPECT_EQ(reached(twice, plan), 7u);
  plan.reuse = true;
  EXPECT_EQ(reached(once, plan), 7u);
}

TEST(Funnel, StrictAllowsNothingBetween) {
  auto plan = plan_of({"a", "b"}, 8);
  plan.order = StepOrder::strict;
  EXPECT_EQ(reached(log_of({1, 2, 3}, "acb", 100), plan), 1u);
  EXPECT_EQ(reached(log_of({1, 2, 3, 4}, "acab", 100), plan), 3u);
  // What happens at the instant of the first event may as well have happened before it.
  EXPECT_EQ(reached(log_of({1, 1, 3}, "acb", 100), plan), 3u);
}

TEST(Funnel, AnExcludedEventBreaksWhatHasBegun) {
  auto plan = plan_of({"a", "b"}, 8);
  plan.exclude = {0, 0, 1, 0, 0};
  EXPECT_EQ(reached(log_of({1, 2, 3}, "acb", 100), plan), 1u);
  EXPECT_EQ(reached(log_of({1, 2, 3}, "cab", 100), plan), 3u);
  EXPECT_EQ(reached(log_of({1, 2, 2}, "abc", 100), plan), 3u);
}

TEST(Funnel, AnyOrderCountsStepsWithinAWindow) {
  auto plan = plan_of({"a", "b", "c"}, 8);
  plan.order = StepOrder::any;
  EXPECT_EQ(reached(log_of({1, 2, 3}, "cba", 100), plan), 7u);
  EXPECT_EQ(reached(log_of({1, 2, 20}, "cba", 100), plan), 3u);
  plan.order = StepOrder::anchored;
  EXPECT_EQ(reached(log_of({1, 2, 3}, "cba", 100), plan), 1u);
  EXPECT_EQ(reached(log_of({1, 2, 3}, "acb", 100), plan), 7u);
}

TEST(Funnel, AnOpenWindowIsNotALostCustomer) {
  const auto log = log_of({0, 95}, "aa", 100, {1, 2});
  const auto plan = plan_of({"a", "b"}, 8);
  const FunnelUnits units = funnel_units(log, plan, {1});
  EXPECT_EQ(units.at[0].time, (std::vector<std::int64_t>{5}));
  const FunnelTable table =
      funnel_table(units, std::nullopt, {0, plan.window, 100, 0.95, {0.5}}, {1});
  EXPECT_EQ(table.count, (std::vector<std::int64_t>{2, 0}));
  EXPECT_EQ(table.open, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(table.final_rate[1], 0.0);
}

TEST(Funnel, TheCensoredRateIsTheProductLimit) {
  // Of four, one came after 2; one is open for 1, before that, and two are decided.
  FunnelUnits units{2, {3, 1, 1, 1}, {{{0, 1}, {2, 1}, {2, FunnelUnits::kNotYet}}}, {}};
  const FunnelTable table = funnel_table(units, std::nullopt, {0, {0, 8}, 100, 0.95, {}}, {1});
  EXPECT_NEAR(table.final_rate[1], 1.0 / 3.0, 1e-15);
  EXPECT_EQ(table.rate[1], 0.25);
}

/// Units, open and come steps at the landmark, as one list.
std::vector<std::int64_t> standing(const FunnelUnits& units) {
  std::vector<std::int64_t> all;
  for (const auto& l : units.then) all.insert(all.end(), {l.unit, l.open, l.came});
  return all;
}

TEST(Funnel, TellsWhoWasOpenOneWindowAgoAndCameByWhatHadBegun) {
  // Window 10, until 40: the landmark is 30. Unit 0 comes by its start before, unit 1 only by one
  // after, unit 2 had no window open, unit 3 had come.
  const std::vector<std::int64_t> customer = {1, 1, 2, 2, 2, 3, 3, 4, 4};
  const auto log = log_of({25, 34, 22, 32, 33, 5, 35, 21, 29}, "abaabaaab", 40, customer);
  auto plan = plan_of({"a", "b"}, 10);
  const std::vector<std::int64_t> expected = {0, 2, 2, 1, 2, 0};
  EXPECT_EQ(standing(funnel_units(log, plan, {1})), expected);
  for (const auto order : {StepOrder::strict, StepOrder::anchored}) {
    plan.order = order;
    EXPECT_EQ(standing(funnel_units(log, plan, {1})), expected);
  }
  plan.order = StepOrder::ordered;
  plan.exclude = {0, 0, 0, 0, 1};  // never occurs, but takes the general way
  EXPECT_EQ(standing(funnel_units(log, plan, {1})), expected);
  plan.start = ChainStart::first;
  EXPECT_TRUE(funnel_units(log, plan, {1}).then.empty());
  plan = plan_of({"a", "b"}, kNoWindow);
  EXPECT_TRUE(funnel_units(log, plan, {1}).then.empty());
}

TEST(Funnel, TheFinalRateByLandmarkAddsTheShareThatCame) {
  // Of eight, three came; two are open; of four open one window ago one came.
  FunnelUnits units{2,
                    {3, 3, 3, 1, 1, 1, 1, 1},
                    {{{0, 1, 2, 3, 4}, {2, 1, 3, 4, 5}, {2, 1, 3, -1, -1}}},
                    {},
                    {{0, 2, 2}, {3, 2, 0}, {5, 2, 0}, {6, 2, 0}}};
  const FunnelTableOptions options{0, {0, 8}, 100, 0.95, {}, true};
  const FunnelTable table = funnel_table(units, std::nullopt, options, {1});
  EXPECT_EQ(table.final_rate[1], (3.0 + 2.0 * 0.25) / 8.0);
  EXPECT_LT(table.final_lower[1], table.final_rate[1]);
  EXPECT_GT(table.final_upper[1], table.final_rate[1]);
  // Of these none was open then.
  const std::vector<std::int64_t> some = {1, 2, 4, 7};
  EXPECT_TRUE(std::isnan(funnel_table(units, some, options, {1}).final_rate[1]));
  FunnelUnits twice = units;
  twice += units;
  EXPECT_EQ(twice.then.at(4).unit, 8);
  EXPECT_EQ(funnel_table(twice, std::nullopt, options, {1}).final_rate, table.final_rate);
}

TEST(Funnel, GivesTheSameUnitsForAnyNumberOfThreads) {
  std::mt19937_64 random(3);
  std::vector<std::int64_t> time, customer;
  std::string names;
  for (int i = 0; i < 20000; ++i) {
    customer.push_back(static_cast<std::int64_t>(random() % 3000));
    time.push_back(static_cast<std::int64_t>(random() % 50));
    names += static_cast<char>('a' + random() % 5);
  }
  const auto log = log_of(time, names, 60, customer);
  auto plan = plan_of({"a", "b", "ac", "d"}, 20);
  for (const auto order : {StepOrder::ordered, StepOrder::strict, StepOrder::any}) {
    plan.order = order;
    const FunnelUnits one = funnel_units(log, plan, {1}), four = funnel_units(log, plan, {4});
    EXPECT_EQ(one.reached, four.reached);
    EXPECT_EQ(standing(one), standing(four));
    EXPECT_GT(one.then.size(), 100u);
    ASSERT_EQ(one.at.size(), four.at.size());
    for (std::size_t k = 0; k < one.at.size(); ++k) {
      EXPECT_EQ(one.at[k].unit, four.at[k].unit);
      EXPECT_EQ(one.at[k].time, four.at[k].time);
      EXPECT_EQ(one.at[k].lag, four.at[k].lag);
    }
  }
}

TEST(Funnel, RefusesPlansThatDoNotFit) {
  const auto log = log_of({0}, "e", 100);
  auto plan = plan_of({"a", "b", "c"}, 8);
  plan.step_of.resize(3);
  EXPECT_THROW(funnel_units(log, plan, {1}), InvalidInput);
  plan = plan_of({"a", "b", "c"}, -1);
  EXPECT_THROW(funnel_units(log, plan, {1}), InvalidInput);
  plan = plan_of({"a", "b", "c"}, 8);
  plan.optional = 1;
  EXPECT_THROW(funnel_units(log, plan, {1}), InvalidInput);
  plan.optional = 2;
  plan.order = StepOrder::any;
  EXPECT_THROW(funnel_units(log, plan, {1}), InvalidInput);
  plan = plan_of({"a", "b", "c"}, 8);
  plan.by = 0;
  EXPECT_THROW(funnel_units(log, plan, {1}), InvalidInput);
}

}  // namespace
}  // namespace tenure::journey
