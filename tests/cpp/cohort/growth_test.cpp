#include "tenure/cohort/growth.hpp"

#include <gtest/gtest.h>

#include "tenure/cohort/active_users.hpp"
#include "tenure/cohort/members.hpp"
#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

using Counts = std::vector<std::int64_t>;

std::int64_t at(int month, int day) { return day_of({2024, month, day}) * kMicrosPerDay; }

// Customer 0: January, February, April. 1: January (and a refund in February). 2: February, March.
events::EventLog small_log() {
  const std::vector<std::int64_t> customer{0, 0, 0, 0, 1, 1, 2, 2};
  const std::vector<std::int64_t> time{at(1, 5), at(1, 9), at(2, 5), at(4, 5),
                                       at(1, 6), at(2, 7), at(2, 8), at(3, 8)};
  const std::vector<double> amount{1, 1, 1, 1, 1, -1, 1, 1};
  events::EventLog log = std::move(
      events::index_events({{8, customer.data(), time.data(), amount.data(), nullptr}}, {1}).log);
  log.observed_from = at(1, 5);
  log.observed_until = at(5, 1);
  return log;
}

TEST(Growth, MatchesTheHandCountedMonths) {
  const Growth g = growth(small_log(), {Period::month, 2}, {1});
  EXPECT_EQ(g.fresh, (Counts{2, 1, 0, 0}));
  EXPECT_EQ(g.returning, (Counts{0, 1, 1, 0}));
  EXPECT_EQ(g.resurrected, (Counts{0, 0, 0, 1}));
  EXPECT_EQ(g.dormant, (Counts{0, 1, 1, 1}));
  EXPECT_EQ(g.lapsed, (Counts{0, 0, 1, 0}));
}

TEST(Growth, NewBySignupMeansActiveInItsPeriod) {
  // 0 signed up before its first order but in its month; 1 earlier; of 2 nothing is known.
  const Counts signup{at(1, 2), at(1, 2) - 40 * kMicrosPerDay, kNoInstant};
  GrowthOptions options{Period::month};
  options.signup = signup;
  const Growth g = growth(small_log(), options, {1});
  EXPECT_EQ(g.fresh, (Counts{1, 1, 0, 0}));
  EXPECT_EQ(g.resurrected, (Counts{1, 0, 0, 1}));
}

TEST(Growth, RefusesWhatItCannotRead) {
  EXPECT_THROW(growth(small_log(), {Period::month, 0}, {1}), InvalidInput);
  EXPECT_THROW(growth(small_log(), {Period::month, 1, {1}}, {1}), InvalidInput);
  const Counts one{0};
  GrowthOptions options;
  options.signup = one;
  EXPECT_THROW(growth(small_log(), options, {1}), InvalidInput);
}

TEST(ActiveUsers, CountsACustomerOnceAWindow) {
  const ActiveUsers users = active_users(small_log(), {}, {1, 7}, {1});
  EXPECT_EQ(users.first_day, day_of({2024, 1, 5}));
  EXPECT_EQ(Counts(users.active[0].begin(), users.active[0].begin() + 6),
            (Counts{1, 1, 0, 0, 1, 0}));
  EXPECT_EQ(Counts(users.active[1].begin(), users.active[1].begin() + 11),
            (Counts{1, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1}));
  EXPECT_THROW(active_users(small_log(), {}, {0}, {1}), InvalidInput);
}

TEST(Stickiness, CountsInnerPeriods) {
  const Stickiness s = stickiness(small_log(), {}, Period::month, Period::quarter, {1});
  EXPECT_EQ(s.most, 3);
  EXPECT_EQ(s.customers, (Counts{1, 2, 0}));  // the second quarter has not ended
  EXPECT_THROW(stickiness(small_log(), {}, Period::week, Period::month, {1}), InvalidInput);
  EXPECT_THROW(stickiness(small_log(), {}, Period::month, Period::week, {1}), InvalidInput);
}

}  // namespace
}  // namespace tenure::cohort
