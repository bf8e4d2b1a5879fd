#include "tenure/clv/order_days.hpp"

#include <gtest/gtest.h>

namespace tenure::clv {
namespace {

constexpr std::int64_t kHour = kMicrosPerDay / 24;

events::EventLog log_of(const std::vector<std::vector<std::int64_t>>& hours) {
  events::EventLog log;
  std::int64_t rows = 0;
  for (const auto& customer : hours) rows += std::ssize(customer);
  log.offset = Buffer<std::int64_t>(std::ssize(hours) + 1);
  log.time = Buffer<std::int64_t>(rows);
  std::int64_t row = 0;
  for (std::size_t c = 0; c < hours.size(); ++c) {
    log.offset[static_cast<std::int64_t>(c)] = row;
    for (const std::int64_t h : hours[c]) log.time[row++] = h * kHour;
  }
  log.offset[std::ssize(hours)] = row;
  log.observed_until = 100 * kMicrosPerDay;
  return log;
}

using Counts = std::vector<std::int64_t>;

TEST(OrderDays, CountsFirstAndRepeatOrdersByDay) {
  // Days 10, 10 (same day), 12; days 11, 12, 12; nothing; day 12.
  const auto log = log_of({{240, 250, 290}, {265, 288, 300}, {}, {295}});
  const auto by_day = order_days(log, Period::day, log.observed_until, log.observed_until, {});
  EXPECT_EQ(by_day.first_day, 10);
  EXPECT_EQ(by_day.first_orders, (Counts{1, 1, 1}));
  EXPECT_EQ(by_day.repeat_orders, (Counts{0, 0, 2}));

  const auto instants = order_days(log, {}, log.observed_until, log.observed_until, {.threads = 4});
  EXPECT_EQ(instants.first_orders, (Counts{1, 1, 1}));
  EXPECT_EQ(instants.repeat_orders, (Counts{1, 0, 3}));
}

TEST(OrderDays, LeavesOutLateCustomersWithAllTheirOrders) {
  const auto log = log_of({{240, 400}, {300, 410}});
  const auto days =
      order_days(log, Period::day, 12 * kMicrosPerDay, log.observed_until, {.threads = 2});
  EXPECT_EQ(days.first_day, 10);
  EXPECT_EQ(days.first_orders, (Counts{1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(days.repeat_orders, (Counts{0, 0, 0, 0, 0, 0, 1}));
  EXPECT_TRUE(order_days(log, Period::day, 0, log.observed_until, {}).first_orders.empty());
  EXPECT_TRUE(order_days(log, Period::day, log.observed_until, 0, {}).first_orders.empty());
}

}  // namespace
}  // namespace tenure::clv
