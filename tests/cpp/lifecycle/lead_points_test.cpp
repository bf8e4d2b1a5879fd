#include "tenure/lifecycle/lead_points.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::lifecycle {
namespace {

constexpr double kForEver = 0.0;

/// Customer 0 visits (event 0) on days 1, 2 and 4 and asks for a demo (event 1) on day 4; customer
/// 1 visits on day 9.
events::EventLog a_log() {
  const std::vector<std::int64_t> customer{0, 0, 0, 0, 1};
  const std::vector<std::int64_t> day{1, 4, 2, 4, 9};
  const std::vector<std::uint16_t> event{0, 1, 0, 0, 0};
  std::vector<std::int64_t> time;
  for (const auto d : day) time.push_back(d * kMicrosPerDay);
  return std::move(
      events::index_events(
          {{std::ssize(customer), customer.data(), time.data(), nullptr, event.data()}}, {1})
          .log);
}

std::vector<double> points_at(std::int64_t day, const std::vector<PointRule>& rules) {
  const auto points = lead_points(a_log(), rules, day * kMicrosPerDay, {1});
  return {points.data(), points.data() + points.size()};
}

TEST(LeadPoints, CountActionsBeforeTheDate) {
  const std::vector<PointRule> rules{{2.0, 100, kForEver, {1, 0}}, {30.0, 100, kForEver, {0, 1}}};
  EXPECT_EQ(points_at(4, rules), (std::vector<double>{4.0, 0.0, 0.0, 0.0}));
  EXPECT_EQ(points_at(5, rules), (std::vector<double>{6.0, 30.0, 0.0, 0.0}));
  EXPECT_EQ(points_at(10, rules), (std::vector<double>{6.0, 30.0, 2.0, 0.0}));
}

TEST(LeadPoints, FadeByHalfLives) {
  const double day = static_cast<double>(kMicrosPerDay);
  const auto points = points_at(8, {{16.0, 100, 2.0 * day, {1, 0}}});
  // Ages of 4, 6 and 7 days.
  EXPECT_NEAR(points[0], 16.0 * (0.25 + 0.125 + std::exp2(-3.5)), 1e-14);
}

TEST(LeadPoints, CountTheLatestOnesUpToTheCap) {
  const double day = static_cast<double>(kMicrosPerDay);
  EXPECT_EQ(points_at(5, {{2.0, 2, kForEver, {1, 0}}})[0], 4.0);
  EXPECT_EQ(points_at(5, {{2.0, 0, kForEver, {1, 0}}})[0], 0.0);
  EXPECT_EQ(points_at(5, {{2.0, 1, day, {1, 0}}})[0], 1.0);  // the one of day 4, a day old
}

TEST(LeadPoints, OneActionCountsForEveryRuleThatNamesIt) {
  EXPECT_EQ(points_at(5, {{1.0, 9, kForEver, {1, 1}}, {-5.0, 9, kForEver, {0, 1}}}),
            (std::vector<double>{4.0, -5.0, 0.0, 0.0}));
}

TEST(LeadPoints, NameTheBadRule) {
  const auto row_of = [](const PointRule& bad) {
    try {
      points_at(5, {{1.0, 9, kForEver, {1, 1}}, bad});
    } catch (const InvalidInput& e) {
      return e.argument() + " " + std::to_string(e.row());
    }
    return std::string("none");
  };
  EXPECT_EQ(row_of({std::nan(""), 9, kForEver, {1, 1}}), "points 1");
  EXPECT_EQ(row_of({1.0, -1, kForEver, {1, 1}}), "cap 1");
  EXPECT_EQ(row_of({1.0, 9, -1.0, {1, 1}}), "half_life 1");
  EXPECT_EQ(row_of({1.0, 9, kForEver, {1}}), "event 1");
}

}  // namespace
}  // namespace tenure::lifecycle
