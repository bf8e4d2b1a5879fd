#include "tenure/events/summary.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/events/index.hpp"
#include "tenure/events/slice.hpp"

namespace tenure::events {
namespace {

constexpr std::int64_t kHour = kMicrosPerDay / 24;

EventLog log_of(const std::vector<std::int64_t>& customer, const std::vector<std::int64_t>& time,
                const std::vector<double>& amount) {
  EventLog log = std::move(
      index_events({{std::ssize(customer), customer.data(), time.data(), amount.data(), nullptr}},
                   {1})
          .log);
  log.observed_until = 100 * kMicrosPerDay;
  return log;
}

TEST(Summary, CountsDaysAsThePapersDo) {
  // Days 0, 7 (twice), 21; observed to the end of day 99.
  const EventLog log =
      log_of({1, 1, 1, 1}, {5 * kHour, 7 * 24 * kHour, 7 * 24 * kHour + 1, 21 * 24 * kHour},
             {10, 1, 2, 5});
  const Summary s = summarise(log, {.end = log.observed_until}, {1});
  EXPECT_EQ(s.frequency[0], 2);
  EXPECT_EQ(s.recency[0], 3.0);
  EXPECT_EQ(s.age[0], 99.0 / 7.0);
  EXPECT_EQ(s.monetary_value[0], 4.0);
  EXPECT_EQ(s.revenue[0], 18.0);
}

TEST(Summary, ARefundMovesMoneyAndNoTiming) {
  const EventLog log = log_of({1, 1, 1}, {0, 10 * kMicrosPerDay, 20 * kMicrosPerDay}, {10, 4, -3});
  const Summary s = summarise(log, {.unit_days = 1.0, .end = log.observed_until}, {1});
  EXPECT_EQ(s.frequency[0], 1);
  EXPECT_EQ(s.recency[0], 10.0);
  EXPECT_EQ(s.monetary_value[0], 4.0);
  EXPECT_EQ(s.revenue[0], 11.0);
}

TEST(Summary, LeavesOutCustomersWithoutAnOrder) {
  EventLog log = log_of({1, 2, 3, 3}, {0, 0, 5, 90 * kMicrosPerDay}, {1, -1, 1, 1});
  const Summary all = summarise(log, {.end = log.observed_until}, {1});
  ASSERT_EQ(all.customer.size(), 2);
  EXPECT_EQ(all.customer[1], 2);
  EXPECT_TRUE(std::isnan(all.monetary_value[0]));
  const Summary early = summarise(log, {.end = 80 * kMicrosPerDay}, {1});
  EXPECT_EQ(early.frequency[1], 0);
}

TEST(Summary, CountsWholeMonthsWhenTheUnitIsTheMonth) {
  // 31 January and 1 March: one day short of a month and a day apart by the calendar, 1 and 2
  // months.
  const EventLog log = log_of({1, 1}, {30 * kMicrosPerDay, 59 * kMicrosPerDay}, {1, 1});
  const SummaryOptions months{Period::month, 30.4375, true, log.observed_until};
  const Summary s = summarise(log, months, {1});
  EXPECT_EQ(s.recency[0], 2.0);
  EXPECT_EQ(s.age[0], 3.0);  // day 99 lies in April
}

TEST(MatchRefunds, CancelsTheLatestOrderOfTheSameAmount) {
  const EventLog log = log_of({1, 1, 1, 1, 1, 2}, {0, 1, 2, 2, 3, 0}, {5, 5, -5, 7, -9, -1});
  const MatchedRefunds m = match_refunds(log, {1});
  EXPECT_EQ(m.matched, 1);
  EXPECT_EQ(m.unmatched, 2);
  ASSERT_EQ(m.log.rows(), 4);
  EXPECT_EQ(m.log.time[0], 0);
  EXPECT_EQ(m.log.amount[1], 7);
}

TEST(MatchRefunds, SeesAnOrderOfTheSameInstant) {
  const EventLog log = log_of({1, 1}, {4, 4}, {-5, 5});
  EXPECT_EQ(match_refunds(log, {1}).matched, 1);
}

TEST(SliceTime, IsHalfOpen) {
  const EventLog log = log_of({1, 1, 2, 3}, {0, 10, 10, 20}, {1, 2, 3, 4});
  const Slice s = slice_time(log, 0, 10, false, {1});
  ASSERT_EQ(s.log.customers(), 1);
  EXPECT_EQ(s.log.rows(), 1);
  const Slice later = slice_time(log, 10, 20, false, {1});
  ASSERT_EQ(later.customer.size(), 2);
  EXPECT_EQ(later.customer[1], 1);
  EXPECT_EQ(later.log.rows(), 2);
}

TEST(Summary, AddsUpTheLogsOfGapsWhereAsked) {
  // Days 0, 7 (twice), 21, a refund on day 30; another customer once; a third before the end never.
  constexpr std::int64_t kDay = kMicrosPerDay;
  const EventLog log = log_of(
      {1, 1, 1, 1, 1, 2, 3}, {0, 7 * kDay, 7 * kDay + 1, 21 * kDay, 30 * kDay, 3 * kDay, 95 * kDay},
      {10, 1, 2, 5, -3, 1, 1});
  SummaryOptions options{.end = 90 * kDay};
  EXPECT_EQ(summarise(log, options, {1}).log_gaps.size(), 0);
  options.log_gaps = true;
  const Summary s = summarise(log, options, {2});
  ASSERT_EQ(s.log_gaps.size(), 2);
  EXPECT_DOUBLE_EQ(s.log_gaps[0], std::log(1.0) + std::log(2.0));
  EXPECT_EQ(s.log_gaps[1], 0.0);
}

}  // namespace
}  // namespace tenure::events
