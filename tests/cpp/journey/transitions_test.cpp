#include "tenure/journey/transitions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tenure/events/index.hpp"
#include "tenure/journey/step_matrix.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {
namespace {

using Ints = std::vector<std::int64_t>;

/// Codes of events: a is 0, b is 1, ...
events::EventLog log_of(const Ints& customer, const Ints& time, const std::string& names) {
  std::vector<std::uint16_t> event;
  for (const char c : names) event.push_back(static_cast<std::uint16_t>(c - 'a'));
  return std::move(
      events::index_events(
          {{std::ssize(time), customer.data(), time.data(), nullptr, event.data()}}, {1})
          .log);
}

StatePlan plan_of(std::int32_t states) {
  StatePlan plan;
  plan.states = states;
  for (std::int32_t s = 0; s < states; ++s) plan.state_of.push_back(s);
  return plan;
}

TEST(Transitions, CountPairsStartsAndEnds) {
  const auto log = log_of({1, 1, 1, 2, 2}, {0, 10, 40, 5, 9}, "abaab");
  const Transitions t = transitions(log, plan_of(2), {1});
  // Rows a, b, start; columns a, b, end.
  EXPECT_EQ(t.count, (Ints{0, 2, 1, 1, 0, 1, 2, 0, 0}));
  EXPECT_EQ(t.customers, (Ints{0, 2, 1, 1, 0, 1, 2, 0, 0}));
  EXPECT_EQ(t.median[1], 7.0);   // 10 and 4
  EXPECT_EQ(t.median[3], 30.0);  // b to a
  EXPECT_TRUE(std::isnan(t.median[2]));
  EXPECT_EQ(t.units, 2);
}

TEST(Transitions, DoNotLeadOverAGap) {
  const auto log = log_of({1, 1, 1}, {0, 10, 21}, "aba");
  StatePlan plan = plan_of(2);
  plan.session_gap = 10;
  const Transitions t = transitions(log, plan, {1});
  EXPECT_EQ(t.count, (Ints{0, 1, 1, 0, 0, 1, 2, 0, 0}));
  EXPECT_EQ(t.customers[6], 1);  // one customer begins twice
  EXPECT_EQ(t.units, 2);
}

TEST(Transitions, ARunOfRepeatsIsOneVisitAtItsFirstTime) {
  const auto log = log_of({1, 1, 1, 1}, {0, 10, 20, 50}, "aaab");
  StatePlan plan = plan_of(2);
  plan.collapse = true;
  const Transitions t = transitions(log, plan, {1});
  EXPECT_EQ(t.count[0], 0);
  EXPECT_EQ(t.median[1], 50.0);
}

TEST(Transitions, PassOverEventsWithoutAState) {
  const auto log = log_of({1, 1, 1, 2}, {0, 10, 20, 0}, "acbc");
  StatePlan plan = plan_of(2);
  plan.state_of.push_back(kNoState);
  const Transitions t = transitions(log, plan, {1});
  EXPECT_EQ(t.count, (Ints{0, 1, 0, 0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(t.units, 1);
}

TEST(Transitions, RefuseWhatDoesNotFit) {
  const auto log = log_of({1}, {0}, "b");
  EXPECT_THROW(transitions(log, plan_of(1), {1}), InvalidInput);
  StatePlan plan = plan_of(2);
  plan.session_gap = -1;
  EXPECT_THROW(transitions(log, plan, {1}), InvalidInput);
  plan = plan_of(2);
  plan.states = 1;
  EXPECT_THROW(transitions(log, plan, {1}), InvalidInput);
  plan = plan_of(255);
  EXPECT_THROW(transitions(log, plan, {1}), InvalidInput);
}

TEST(StepMatrix, CountsUnitsThatHaveEnded) {
  const auto log = log_of({1, 1, 2}, {0, 1, 0}, "aba");
  const StepCounts s = step_counts(log, plan_of(2), {3, {}}, {1});
  // Rows a, b, not begun, ended.
  EXPECT_EQ(s.count, (Ints{2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2}));
}

TEST(StepMatrix, AlignsAtTheFirstAnchor) {
  const auto log = log_of({1, 1, 1, 2}, {0, 1, 2, 0}, "abba");
  const StepCounts s = step_counts(log, plan_of(2), {1, {0, 1}}, {1});
  EXPECT_EQ(s.count, (Ints{1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(s.units, 1);
  EXPECT_EQ(s.without_anchor, 1);
}

}  // namespace
}  // namespace tenure::journey
