#include "tenure/cohort/retention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tenure/cohort/retention_rates.hpp"
#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

std::int64_t at(std::int64_t year, int month, int day, std::int64_t hour = 0) {
  return day_of({year, month, day}) * kMicrosPerDay + hour * kMicrosPerDay / 24;
}

events::EventLog log_of(const std::vector<std::int64_t>& customer,
                        const std::vector<std::int64_t>& time, const std::vector<double>& amount,
                        std::int64_t until) {
  events::EventLog log = std::move(
      events::index_events(
          {{std::ssize(customer), customer.data(), time.data(), amount.data(), nullptr}}, {1})
          .log);
  log.observed_until = until;
  return log;
}

// Customer 1: January, February, April. 2: January. 3: March. Observed to the end of April.
events::EventLog small_log() {
  return log_of({1, 1, 1, 1, 2, 3, 3},
                {at(2024, 1, 5), at(2024, 2, 1), at(2024, 2, 9), at(2024, 4, 30, 23),
                 at(2024, 1, 31, 23), at(2024, 3, 1), at(2024, 4, 2)},
                {10, 1, 2, 4, 100, 7, -3}, at(2024, 5, 1));
}

TEST(Retention, MatchesTheHandCountedTriangle) {
  const RetentionTable t = retention(small_log(), {Period::month}, {1});
  EXPECT_EQ(t.first_period, (2024 - 1970) * 12);
  EXPECT_EQ(t.cohorts, 3);  // February is a cohort without customers
  EXPECT_EQ(t.ages, 4);
  EXPECT_EQ(t.size, (std::vector<std::int64_t>{2, 0, 1}));
  EXPECT_EQ(t.active, (std::vector<std::int64_t>{2, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(t.revenue, (std::vector<double>{110, 3, 0, 4, 0, 0, 0, 0, 7, -3, 0, 0}));
  EXPECT_EQ(t.observed, (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0}));
  EXPECT_EQ(t.at_risk, (std::vector<std::int64_t>{2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 0, 0}));
}

TEST(Retention, ACellIsObservedOnlyIfItsPeriodHasEnded) {
  auto log = small_log();
  log.observed_until = at(2024, 5, 1) - 1;
  const RetentionTable t = retention(log, {Period::month}, {1});
  EXPECT_EQ(t.ages, 3);
  EXPECT_EQ(t.observed, (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0, 1, 0, 0}));
  EXPECT_EQ(t.size, (std::vector<std::int64_t>{2, 0, 1}));
}

TEST(Retention, TheNewestCohortMayHaveASizeAndNoObservedCell) {
  const auto log = log_of({1}, {at(2024, 1, 5)}, {1}, at(2024, 1, 20));
  const RetentionTable t = retention(log, {Period::month}, {1});
  EXPECT_EQ(t.size, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(t.ages, 1);
  EXPECT_EQ(t.observed, (std::vector<std::uint8_t>{0}));
}

TEST(Retention, RefundsMoveMoneyAndNoActivity) {
  // Customer 1 begins with a refund (money in no cell); customer 2 has nothing but one.
  const auto log =
      log_of({1, 1, 1, 2}, {at(2024, 1, 1), at(2024, 2, 1), at(2024, 3, 1), at(2024, 2, 1)},
             {-5, 10, -1, -2}, at(2024, 4, 1));
  const RetentionTable t = retention(log, {Period::month}, {1});
  EXPECT_EQ(t.cohorts, 1);
  EXPECT_EQ(t.active, (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(t.revenue, (std::vector<double>{10, -1}));
  EXPECT_EQ(t.without_orders, 1);
  EXPECT_EQ(t.unassigned_revenue, -7.0);
}

TEST(Retention, PeriodsFollowTheTimeZone) {
  // 23:00 UTC on 31 January is February at an offset of one hour.
  auto log = log_of({1}, {at(2024, 1, 31, 23)}, {1}, at(2024, 3, 31, 23));
  log.timezone = TimeZone(kMicrosPerDay / 24, {}, {});
  const RetentionTable t = retention(log, {Period::month}, {1});
  EXPECT_EQ(t.first_period, (2024 - 1970) * 12 + 1);
  EXPECT_EQ(t.ages, 2);
}

TEST(Retention, MaxAgeLeavesOutColumns) {
  const RetentionTable t = retention(small_log(), {Period::month, 1}, {1});
  EXPECT_EQ(t.ages, 2);
  EXPECT_EQ(t.active, (std::vector<std::int64_t>{2, 1, 0, 0, 1, 0}));
  EXPECT_THROW(retention(small_log(), {Period::month, -1}, {1}), InvalidInput);
}

TEST(Retention, RefusesATriangleThatNobodyCanRead) {
  const auto log = log_of({1, 2}, {at(1990, 1, 1), at(2024, 1, 1)}, {1, 1}, at(2024, 5, 1));
  EXPECT_THROW(retention(log, {Period::day}, {1}), InvalidInput);
  EXPECT_EQ(retention(log, {Period::day, 30}, {1}).ages, 31);
}

TEST(Retention, OfNobodyIsEmpty) {
  const RetentionTable t = retention(log_of({1}, {at(2024, 1, 1)}, {-1}, at(2024, 2, 1)), {}, {1});
  EXPECT_EQ(t.cohorts, 0);
  EXPECT_EQ(t.without_orders, 1);
  EXPECT_TRUE(retention_rates(t, {}).rate.empty());
}

TEST(RetentionRates, DivideByWhatTheySay) {
  const RetentionTable t = retention(small_log(), {Period::month}, {1});
  const auto by_cohort = retention_rates(t, {Value::customers, Denominator::cohort});
  EXPECT_EQ(by_cohort.rate[1], 0.5);
  EXPECT_TRUE(std::isnan(by_cohort.rate[t.cell(1, 0)]));  // nobody to divide by
  EXPECT_TRUE(std::isnan(by_cohort.rate[t.cell(2, 2)]));  // not observed
  EXPECT_EQ(by_cohort.count[t.cell(1, 0)], 0.0);
  EXPECT_TRUE(std::isnan(by_cohort.count[t.cell(2, 2)]));

  const auto previous = retention_rates(t, {Value::customers, Denominator::previous});
  EXPECT_TRUE(std::isnan(previous.rate[0]));
  EXPECT_EQ(previous.rate[1], 0.5);
  EXPECT_EQ(previous.rate[2], 0.0);
  EXPECT_TRUE(std::isnan(previous.rate[3]));  // nobody was active at age 2

  const auto revenue = retention_rates(t, {Value::revenue, Denominator::at_risk});
  EXPECT_EQ(revenue.rate[1], 3.0 / 110.0);
  EXPECT_EQ(revenue.rate[t.cell(2, 1)], -3.0 / 7.0);
}

TEST(RetentionRates, MeansPoolOrAverage) {
  const RetentionTable t = retention(small_log(), {Period::month}, {1});
  const auto weighted = retention_rates(t, {});
  EXPECT_EQ(weighted.mean, (std::vector<double>{1.0, 1.0 / 3.0, 0.0, 0.5}));
  EXPECT_EQ(weighted.mean_cohorts, (std::vector<std::int64_t>{2, 2, 1, 1}));
  const auto simple =
      retention_rates(t, {Value::customers, Denominator::at_risk, MeanKind::simple});
  EXPECT_EQ(simple.mean, (std::vector<double>{1.0, 0.25, 0.0, 0.5}));
}

events::EventLog random_log(std::int64_t customers) {
  std::mt19937_64 rng(3);
  std::vector<std::int64_t> customer, time;
  std::vector<double> amount;
  for (std::int64_t c = 0; c < customers; ++c)
    for (std::uint64_t i = 0, n = 1 + rng() % 6; i < n; ++i) {
      customer.push_back(c);
      time.push_back(at(2023, 1, 1) + static_cast<std::int64_t>(rng() % 365) * kMicrosPerDay);
      amount.push_back(static_cast<double>(rng() % 10'000) / 7.0 - 100.0);
    }
  return log_of(customer, time, amount, at(2024, 1, 1));
}

TEST(Retention, HasTheSameBitsForEveryThreadCount) {
  const auto log = random_log(20'000);
  const RetentionTable once = retention(log, {Period::week}, {1});
  const RateOptions rates{Value::revenue, Denominator::at_risk, MeanKind::simple};
  const Members members = cohort_members(log, {Period::week}, {1});
  const auto limits = retention_bootstrap(members, rates, {10, 5, 0.9}, {1});
  for (const int threads : {2, 3, 8}) {
    const RetentionTable again = retention(log, {Period::week}, {threads});
    EXPECT_EQ(again.active, once.active);
    EXPECT_EQ(again.revenue, once.revenue);
    const Members again_members = cohort_members(log, {Period::week}, {threads});
    const auto same = retention_bootstrap(again_members, rates, {10, 5, 0.9}, {threads});
    EXPECT_EQ(same.mean_lower, limits.mean_lower);
    EXPECT_EQ(same.mean_upper, limits.mean_upper);
  }
}

// The spread of a bootstrapped share is that of the binomial it imitates.
TEST(RetentionBootstrap, HasTheSpreadOfTheBinomial) {
  std::vector<std::int64_t> customer, time;
  for (std::int64_t c = 0; c < 1000; ++c) {
    customer.push_back(c);
    time.push_back(at(2024, 1, 1));
    if (c % 4 == 0) {
      customer.push_back(c);
      time.push_back(at(2024, 2, 1));
    }
  }
  const auto log =
      log_of(customer, time, std::vector<double>(customer.size(), 1.0), at(2024, 3, 1));
  const Members members = cohort_members(log, {Period::month}, {1});
  const auto limits = retention_bootstrap(members, {}, {2000, 1, 0.95}, {2});
  const double half = 1.959963984540054 * std::sqrt(0.25 * 0.75 / 1000.0);
  EXPECT_NEAR(limits.lower[1], 0.25 - half, 0.1 * half);
  EXPECT_NEAR(limits.upper[1], 0.25 + half, 0.1 * half);
  EXPECT_EQ(limits.lower[0], 1.0);
  EXPECT_EQ(limits.mean_lower[1], limits.lower[1]);
  const RateOptions previous{Value::customers, Denominator::previous};
  EXPECT_TRUE(std::isnan(retention_bootstrap(members, previous, {50}, {1}).lower[0]));
}

TEST(RetentionBootstrap, RefusesWhatItCannotDo) {
  const Members members = cohort_members(small_log(), {Period::month}, {1});
  const auto run = [&](const BootstrapOptions& o) { retention_bootstrap(members, {}, o, {1}); };
  EXPECT_THROW(run({1, 0, 0.95}), InvalidInput);
  EXPECT_THROW(run({10, 0, 1.0}), InvalidInput);
  EXPECT_THROW(run({std::int64_t{1} << 40, 0, 0.95}), InvalidInput);
}

}  // namespace
}  // namespace tenure::cohort
