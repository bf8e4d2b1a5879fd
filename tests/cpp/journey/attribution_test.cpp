#include "tenure/journey/attribution.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {
namespace {

/// A path for each customer: a to c are touches, ! is the conversion; a second between them.
events::EventLog log_of(const std::vector<std::string>& paths) {
  std::vector<std::int64_t> customer, time;
  std::vector<double> amount;
  std::vector<std::uint16_t> event;
  for (std::size_t who = 0; who < paths.size(); ++who)
    for (std::size_t i = 0; i < paths[who].size(); ++i) {
      customer.push_back(static_cast<std::int64_t>(who));
      time.push_back(static_cast<std::int64_t>(i));
      amount.push_back(10.0);
      event.push_back(paths[who][i] == '!' ? 3 : static_cast<std::uint16_t>(paths[who][i] - 'a'));
    }
  return std::move(
      events::index_events(
          {{std::ssize(time), customer.data(), time.data(), amount.data(), event.data()}}, {1})
          .log);
}

AttributionPlan plan_of() {
  AttributionPlan plan;
  plan.channel_of = {0, 1, 2, -1};
  plan.channels = 3;
  plan.touch = {1, 1, 1, 0};
  plan.conversion = {0, 0, 0, 1};
  plan.half_life = 1.0;
  plan.revenue = true;
  return plan;
}

std::vector<double> credit(const Attribution& a, CreditModel model) {
  const auto at = a.credit.begin() + 3 * static_cast<std::ptrdiff_t>(model);
  return {at, at + 3};
}

TEST(Attribution, SharesOneConversionByEachModel) {
  const Attribution a = attribution(log_of({"abca!"}), plan_of(), {1});
  using V = std::vector<double>;
  EXPECT_EQ(credit(a, CreditModel::last), (V{1, 0, 0}));
  EXPECT_EQ(credit(a, CreditModel::linear), (V{.5, .25, .25}));
  const auto position = credit(a, CreditModel::position);
  EXPECT_DOUBLE_EQ(position[0], .8);
  EXPECT_DOUBLE_EQ(position[1], .1);
  const auto decay = credit(a, CreditModel::time_decay);  // 1, 2, 4, 8 fifteenths
  EXPECT_DOUBLE_EQ(decay[0], 9.0 / 15.0);
  EXPECT_DOUBLE_EQ(decay[2], 4.0 / 15.0);
  EXPECT_DOUBLE_EQ(credit(a, CreditModel::shapley)[1], 1.0 / 3.0);
  EXPECT_EQ(a.revenue, 10.0);
  EXPECT_DOUBLE_EQ(a.money[0], 10.0);
}

// start to a 2/3, to b 1/3; a to b or null; b to c; c to conversion or null: P = 1/3, without a
// 1/6.
TEST(Attribution, SolvesTheChainOfThreePaths) {
  const Attribution a = attribution(log_of({"abc!", "a", "bc"}), plan_of(), {1});
  EXPECT_NEAR(a.effect[0], 0.5, 1e-15);
  EXPECT_NEAR(a.effect[1], 1.0, 1e-15);
  EXPECT_NEAR(credit(a, CreditModel::markov)[2], 0.4, 1e-15);
}

TEST(Attribution, AChainThatRemembersMoreTellsPathsApart) {
  const std::vector<std::string> paths{"ac!", "bc"};
  AttributionPlan plan = plan_of();
  EXPECT_NEAR(attribution(log_of(paths), plan, {1}).effect[1], 0.5, 1e-15);
  plan.order = 2;  // b leads to nothing
  EXPECT_NEAR(attribution(log_of(paths), plan, {1}).effect[1], 0.0, 1e-15);
}

TEST(Attribution, TouchesBeyondTheLookbackAreAPathWithoutConversion) {
  AttributionPlan plan = plan_of();
  plan.lookback = 1;
  const Attribution a = attribution(log_of({"ab!c"}), plan, {1});
  EXPECT_EQ(credit(a, CreditModel::first), (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(a.paths, 3.0);
}

TEST(Attribution, LimitsHoldTheCreditOfALog) {
  std::vector<std::string> paths;
  for (int i = 0; i < 200; ++i) paths.emplace_back(i % 3 ? "ab!" : "ca");
  const AttributionPlan plan = plan_of();
  const Attribution a = attribution(log_of(paths), plan, {1});
  const auto limits = attribution_bootstrap(log_of(paths), plan, {100, 7, 0.95}, {1});
  for (std::size_t i = 0; i < a.money.size(); ++i) {
    EXPECT_LE(limits.lower[i], a.money[i]);
    EXPECT_GE(limits.upper[i], a.money[i]);
  }
}

TEST(Attribution, RefusesWhatDoesNotFit) {
  const auto log = log_of({"ab!"});
  const auto refuses = [&](auto change) {
    AttributionPlan plan = plan_of();
    change(plan);
    EXPECT_THROW(attribution(log, plan, {1}), InvalidInput);
  };
  refuses([](AttributionPlan& p) { p.channels = 255; });
  refuses([](AttributionPlan& p) { p.channel_of[0] = 3; });
  refuses([](AttributionPlan& p) { p.touch.pop_back(); });
  refuses([](AttributionPlan& p) { p.half_life = 0; });
  refuses([](AttributionPlan& p) { p.position = {0, 0, 0}; });
  refuses([](AttributionPlan& p) { p.order = 0; });
  refuses([](AttributionPlan& p) { p.lookback = -1; });
  EXPECT_THROW(attribution_bootstrap(log, plan_of(), {1, 0, 0.95}, {1}), InvalidInput);
  EXPECT_THROW(attribution_bootstrap(log, plan_of(), {9, 0, 1.0}, {1}), InvalidInput);
}

}  // namespace
}  // namespace tenure::journey
