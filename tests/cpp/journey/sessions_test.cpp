#include "tenure/journey/sessions.hpp"

#include <gtest/gtest.h>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {
namespace {

events::EventLog log_of(const std::vector<std::int64_t>& customer,
                        const std::vector<std::int64_t>& time) {
  return std::move(
      events::index_events({{std::ssize(customer), customer.data(), time.data(), nullptr, nullptr}},
                           {1})
          .log);
}

TEST(Sessions, EndWhereMoreThanTheGapPasses) {
  const auto log = log_of({7, 7, 7, 7, 9}, {0, 10, 20, 31, 31});
  const Sessions s = sessions(log, 10, {1});
  EXPECT_EQ(s.customer, (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(s.start, (std::vector<std::int64_t>{0, 31, 31}));
  EXPECT_EQ(s.length, (std::vector<std::int64_t>{20, 0, 0}));
  EXPECT_EQ(s.events, (std::vector<std::int64_t>{3, 1, 1}));
}

TEST(Sessions, AGapOfNothingKeepsEqualTimesTogether) {
  const Sessions s = sessions(log_of({1, 1, 1}, {5, 5, 6}), 0, {1});
  EXPECT_EQ(s.events, (std::vector<std::int64_t>{2, 1}));
}

TEST(Sessions, RefusesANegativeGap) {
  EXPECT_THROW(sessions(log_of({1}, {5}), -1, {1}), InvalidInput);
}

}  // namespace
}  // namespace tenure::journey
