#include "tenure/support/calendar.hpp"

#include <gtest/gtest.h>

#include "tenure/support/errors.hpp"

namespace tenure {
namespace {

constexpr std::int64_t kHour = 3'600 * kMicrosPerSecond;

TEST(Calendar, KnowsDaysByHeart) {
  EXPECT_EQ(day_of({1970, 1, 1}), 0);
  EXPECT_EQ(day_of({2000, 2, 29}), 11016);
  EXPECT_EQ(day_of({1969, 12, 31}), -1);
  EXPECT_EQ(day_of({1677, 9, 21}), -106752);
}

// Walks every day of 800 years by the rules of the calendar, not by the algorithm's arithmetic.
TEST(Calendar, AgreesWithCountingDayByDay) {
  const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int64_t day = day_of({1600, 1, 1});
  for (int year = 1600; year < 2400; ++year) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (int month = 1; month <= 12; ++month) {
      const int days = length[month - 1] + (leap && month == 2);
      for (int d = 1; d <= days; ++d, ++day) {
        ASSERT_EQ(day_of({year, month, d}), day);
        const CivilDate back = civil_of(day);
        ASSERT_EQ(back.year, year);
        ASSERT_EQ(back.month, month);
        ASSERT_EQ(back.day, d);
        ASSERT_EQ(period_of_day(day, Period::month), (year - 1970) * 12 + month - 1);
      }
    }
  }
}

TEST(Calendar, PeriodsTileTheDays) {
  for (const Period p : {Period::day, Period::week, Period::month, Period::quarter, Period::year})
    for (std::int64_t day = -5000; day < 5000; ++day) {
      const std::int64_t index = period_of_day(day, p);
      ASSERT_LE(first_day_of_period(index, p), day);
      ASSERT_GT(first_day_of_period(index + 1, p), day);
    }
  EXPECT_EQ(civil_of(first_day_of_period(period_of_day(day_of({2024, 5, 15}), Period::week),
                                         Period::week))
                .day,
            13);  // a Monday
}

// Europe/Vilnius in miniature: +2 h, an hour forward at t = 100 h, back at t = 200 h.
TEST(TimeZone, NamesGapsAndRepeatedHours) {
  const TimeZone zone(2 * kHour, {100 * kHour, 200 * kHour}, {3 * kHour, 2 * kHour});
  EXPECT_EQ(zone.to_local(0), 2 * kHour);
  EXPECT_EQ(zone.to_local(100 * kHour), 103 * kHour);

  const auto plain = zone.from_local(50 * kHour);
  EXPECT_EQ(plain.earlier, 48 * kHour);
  EXPECT_FALSE(plain.later);
  EXPECT_FALSE(zone.from_local(102 * kHour + kHour / 2).earlier);  // 102:30 is jumped over
  const auto twice = zone.from_local(202 * kHour + kHour / 2);
  EXPECT_EQ(twice.earlier, 199 * kHour + kHour / 2);
  EXPECT_EQ(twice.later, 200 * kHour + kHour / 2);
}

TEST(TimeZone, ADayBeginsAfterAMissingMidnight) {
  // Local midnight of day 5 (120 h) falls in the gap [120 h, 121 h): the day begins at 123 h UTC.
  const TimeZone zone(-3 * kHour, {123 * kHour}, {-2 * kHour});
  EXPECT_FALSE(zone.from_local(120 * kHour).earlier);
  EXPECT_EQ(zone.start_of_day(5), 123 * kHour);
  EXPECT_EQ(zone.local_day(123 * kHour), 5);
  EXPECT_EQ(zone.local_day(123 * kHour - 1), 4);
  EXPECT_EQ(zone.start_of_day(6), 144 * kHour + 2 * kHour);
}

TEST(TimeZone, RefusesTransitionsOutOfOrder) {
  EXPECT_THROW(TimeZone(0, {2, 1}, {0, 0}), InvalidInput);
  EXPECT_THROW(TimeZone(0, {2}, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure
