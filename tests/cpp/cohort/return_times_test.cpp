#include "tenure/cohort/return_times.hpp"

#include <gtest/gtest.h>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

using Days = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

std::int64_t at(int day, int hour = 9) {
  return day_of({2024, 1, day}) * kMicrosPerDay + hour * 3600 * kMicrosPerSecond;
}

// 0 on the 1st (twice), 5th, 20th; 1 on the 3rd; 2 on the 30th. Observed through noon of the 31st.
events::EventLog small_log() {
  const std::vector<std::int64_t> customer{0, 0, 0, 0, 1, 2};
  const std::vector<std::int64_t> time{at(1), at(1, 22), at(5), at(20), at(3), at(30)};
  const std::vector<double> amount{1, 1, 1, 1, 1, 1};
  events::EventLog log = std::move(
      events::index_events({{6, customer.data(), time.data(), amount.data(), nullptr}}, {1}).log);
  log.observed_from = at(1);
  log.observed_until = at(31, 12);
  return log;
}

TEST(ReturnTimes, CountDaysToTheFirstReturnOrTheLastWholeDay) {
  const ReturnTimes t = return_times(small_log(), {}, {1});
  EXPECT_EQ(t.days, (Days{4, 27, 0}));
  EXPECT_EQ(t.ended, (Flags{1, 0, 0}));
  EXPECT_EQ(t.without_start, 0);
}

TEST(ReturnTimes, SilenceIsKnownOnItsLastDay) {
  ReturnTimeOptions options;
  options.ending = Ending::silence;
  const auto ask = [&](std::int64_t days) {
    options.silence = days;
    return return_times(small_log(), options, {1});
  };
  // 0: silent from the 6th; 14 days on the 19th, a day before the return.
  EXPECT_EQ(ask(14).days, (Days{18, 14, 0}));
  EXPECT_EQ(ask(14).ended, (Flags{1, 1, 0}));
  // 15 days would end on the 20th itself: the return saves it, until censoring on the 30th.
  EXPECT_EQ(ask(15).days, (Days{29, 15, 0}));
  EXPECT_EQ(ask(15).ended, (Flags{0, 1, 0}));
  EXPECT_EQ(ask(27).ended, (Flags{0, 1, 0}));
  EXPECT_EQ(ask(28).ended, (Flags{0, 0, 0}));
}

TEST(ReturnTimes, RefusesWhatItCannotRead) {
  ReturnTimeOptions options;
  options.member.anchor = Anchor::recurring;
  EXPECT_THROW(return_times(small_log(), options, {1}), InvalidInput);
  options = {};
  options.ending = Ending::silence;
  EXPECT_THROW(return_times(small_log(), options, {1}), InvalidInput);
}

}  // namespace
}  // namespace tenure::cohort
