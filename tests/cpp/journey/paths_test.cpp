#include "tenure/journey/paths.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {
namespace {

/// One customer, a second between events.
events::EventLog log_of(const std::string& names) {
  const auto n = std::ssize(names);
  std::vector<std::int64_t> customer(names.size(), 1), time;
  std::vector<std::uint16_t> event;
  for (std::int64_t i = 0; i < n; ++i) {
    time.push_back(i);
    event.push_back(static_cast<std::uint16_t>(names[static_cast<std::size_t>(i)] - 'a'));
  }
  return std::move(
      events::index_events({{n, customer.data(), time.data(), nullptr, event.data()}}, {1}).log);
}

/// "ab:2 b:1", the most frequent first.
std::string told(const std::string& names, const PathPlan& plan) {
  StatePlan states;
  states.state_of = {0, 1, 2};
  states.states = 3;
  const Paths p = paths(log_of(names), states, plan, {1});
  std::string out;
  for (std::size_t k = 0; k + 1 < p.offset.size(); ++k) {
    if (k > 0) out += ' ';
    for (std::int64_t i = p.offset[k]; i < p.offset[k + 1]; ++i)
      out += static_cast<char>('a' + p.state[static_cast<std::size_t>(i)]);
    out += ':' + std::to_string(p.count[k]);
  }
  return out;
}

TEST(Paths, AreAllRunsOfVisits) {
  EXPECT_EQ(told("abab", {PathKind::part, 2, 3}), "ab:2 aba:1 ba:1 bab:1");
}

TEST(Paths, OfEqualCountsComeInOrderOfTheirStates) {
  EXPECT_EQ(told("cba", {PathKind::part, 1, 3, {}, {}, 3}), "a:1 b:1 ba:1");
}

TEST(Paths, BeginAndEndAsAsked) {
  EXPECT_EQ(told("abcab", {PathKind::part, 2, 9, {1, 0, 0}, {0, 1, 0}}), "ab:2 abcab:1");
}

TEST(Paths, OfWholeUnits) {
  EXPECT_EQ(told("abca", {PathKind::whole, 1, 9}), "abca:1");
  EXPECT_EQ(told("abca", {PathKind::whole, 1, 3}), "");
}

TEST(Paths, ThatLeadBackEndAtTheFirstReturn) {
  EXPECT_EQ(told("abaca", {PathKind::loop, 2, 9}), "aba:1 aca:1");
}

TEST(Paths, HaveTheMedianOfTheirTimes) {
  StatePlan states;
  states.state_of = {0, 1, 2};
  states.states = 3;
  const PathPlan plan{PathKind::part, 2, 3, {1, 0, 0}, {0, 0, 1}};
  const Paths p = paths(log_of("acabc"), states, plan, {1});
  EXPECT_EQ(p.median, (std::vector<double>{2.0, 1.0}));  // abc, ac
}

TEST(Paths, RefuseLengthsThatAreNone) {
  EXPECT_THROW(told("a", {PathKind::part, 0, 3}), InvalidInput);
  EXPECT_THROW(told("a", {PathKind::part, 3, 2}), InvalidInput);
  EXPECT_THROW(told("a", {PathKind::part, 1, 2, {}, {}, 0}), InvalidInput);
  EXPECT_THROW(told("a", {PathKind::part, 1, 2, {1}}), InvalidInput);
}

}  // namespace
}  // namespace tenure::journey
