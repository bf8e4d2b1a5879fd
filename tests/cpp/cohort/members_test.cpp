#include "tenure/cohort/members.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/cohort/return_curve.hpp"
#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

constexpr std::int64_t kStart = 19'723 * kMicrosPerDay;  // 2024-01-01

/// Customers by their days since 2024-01-01, watched for `days`.
events::EventLog log_of(const std::vector<std::vector<double>>& days, double until) {
  std::vector<std::int64_t> customer, time;
  std::vector<double> amount;
  for (std::size_t c = 0; c < days.size(); ++c)
    for (const double day : days[c]) {
      customer.push_back(static_cast<std::int64_t>(c));
      time.push_back(kStart + static_cast<std::int64_t>(day * static_cast<double>(kMicrosPerDay)));
      amount.push_back(1.0);
    }
  events::EventLog log = std::move(
      events::index_events(
          {{std::ssize(customer), customer.data(), time.data(), amount.data(), nullptr}}, {1})
          .log);
  log.observed_until =
      kStart + static_cast<std::int64_t>(until * static_cast<double>(kMicrosPerDay));
  return log;
}

MemberOptions rolling_weeks() {
  MemberOptions options;
  options.period = Period::week;
  options.clock = Clock::rolling;
  return options;
}

TEST(Members, AreObservedOneByOneUnderTheRollingClock) {
  const Members m = cohort_members(log_of({{0, 7.5}, {3, 9.9}, {6.5}}, 20), rolling_weeks(), {1});
  EXPECT_EQ(m.cohorts, 1);
  EXPECT_EQ(m.ages, 2);
  ASSERT_EQ(m.members.size(), 3u);
  EXPECT_EQ(m.members[0].last_age, 1);
  EXPECT_EQ(m.members[2].last_age, 0);
  ASSERT_EQ(m.cells_of(0).size(), 2u);
  EXPECT_EQ(m.cells_of(1).size(), 1u);  // 6.9 days later is age 0
  EXPECT_EQ(m.cells_of(1)[0].events, 2);
  EXPECT_EQ(m.last_age, (std::vector<std::int64_t>{1}));
}

TEST(Members, RecurringOnesOpenOneCohortAPeriod) {
  MemberOptions options;
  options.anchor = Anchor::recurring;
  const Members m = cohort_members(log_of({{0, 1, 35}, {40}}, 60), options, {1});
  ASSERT_EQ(m.members.size(), 3u);
  EXPECT_EQ(m.members[0].row, 0);
  EXPECT_EQ(m.members[1].row, 1);
  EXPECT_EQ(m.members[1].customer, 0);
  EXPECT_EQ(m.cells_of(0)[0].events, 2);
}

TEST(Members, OfGroupsComeTogetherAgain) {
  MemberOptions options = rolling_weeks();
  const std::vector<std::int32_t> group{4, -1, 4};
  options.by_customer = group;
  const auto log = log_of({{0, 7.5}, {3}, {8}}, 24);
  const Members m = cohort_members(log, options, {1});
  EXPECT_EQ(m.group, (std::vector<std::int32_t>{4, -1}));
  EXPECT_EQ(m.rows(), 4);
  const Members one = in_one_group(m);
  options.by_customer.reset();
  const Members whole = cohort_members(log, options, {1});
  EXPECT_EQ(one.last_age, whole.last_age);
  EXPECT_EQ(one.rows(), whole.rows());
  for (std::size_t i = 0; i < whole.members.size(); ++i)
    EXPECT_EQ(one.members[i].row, whole.members[i].row);
}

TEST(Members, SignupMayComeBeforeTheLog) {
  MemberOptions options;
  const std::vector<std::int64_t> signup{kStart - 40 * kMicrosPerDay, kNoInstant,
                                         kStart + 100 * kMicrosPerDay};
  options.signup = signup;
  const Members m = cohort_members(log_of({{0}, {1}, {2}}, 31), options, {1});
  ASSERT_EQ(m.members.size(), 1u);
  EXPECT_EQ(m.without_start, 2);
  EXPECT_EQ(m.first_period, (2023 - 1970) * 12 + 10);
  EXPECT_EQ(m.cells_of(0)[0].age, 2);
}

TEST(Members, RefuseWhatTheyCannotRead) {
  const auto log = log_of({{0, 1}}, 31);
  const auto refused = [&](auto change) {
    MemberOptions options;
    change(options);
    EXPECT_THROW(cohort_members(log, options, {1}), InvalidInput);
  };
  refused([](MemberOptions& o) { o.clock = Clock::rolling, o.period = Period::year; });
  refused([](MemberOptions& o) { o.max_age = -1; });
  refused([](MemberOptions& o) { o.brackets = std::vector<std::int64_t>{1, 0}; });
  refused([](MemberOptions& o) { o.brackets = std::vector<std::int64_t>{}; });
  refused([](MemberOptions& o) { o.start_event = {1}; });
  refused([](MemberOptions& o) { o.where = {{0, {1}}}; });
  refused([](MemberOptions& o) { o.by_property = 0; });
  refused([](MemberOptions& o) { o.signup = std::span<const std::int64_t>{}; });
  auto early = log_of({{0, 1}}, 31);
  early.observed_from = kStart + 1;
  EXPECT_THROW(cohort_members(early, {}, {1}), InvalidInput);
}

// Three weeks seen of three customers, two of the fourth: (1 - 1/4)(1 - 1/2) are silent.
TEST(ReturnShares, TreatTheEndOfObservationAsCensoring) {
  const Members m = cohort_members(log_of({{0, 8}, {0, 15}, {0}, {6}}, 21), rolling_weeks(), {1});
  const ReturnShares s = return_shares(m, 1, 0.95, {1});
  EXPECT_EQ(s.rate[0], 1.0);
  EXPECT_DOUBLE_EQ(s.rate[1], 1.0 - 0.75 * 0.5);
  EXPECT_DOUBLE_EQ(s.rate[2], 1.0 / 3.0);
  EXPECT_EQ(s.mean, s.rate);
  EXPECT_EQ(s.upper[0], 1.0);
  EXPECT_THROW(return_shares(m, 0, 0.95, {1}), InvalidInput);
  EXPECT_THROW(return_shares(m, 1, 1.0, {1}), InvalidInput);
}

}  // namespace
}  // namespace tenure::cohort
