// Shares that leave for each cause, from the hazards of all.
#include "tenure/churn/cause_incidence.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tenure::churn {
namespace {

using Numbers = std::vector<double>;

TEST(CauseIncidence, TwoStepsByHand) {
  const Numbers time{1.0, 3.0}, hazard{0.2, 0.3, 0.0, 0.4}, risk{1.0, 2.0}, until{0.5, 1.0, 3.0};
  const CauseIncidence found = cause_incidence({2, time, hazard, {}, {}, {}}, {risk, {}}, until);
  // At 1 the hazards rise by .2 and .6, at 3 by 0 and .8.
  const double gone = 1.0 - std::exp(-0.8), then = std::exp(-0.8);
  const Numbers expected{0.0,         0.0,         0.25 * gone,
                         0.75 * gone, 0.25 * gone, 0.75 * gone + then * gone};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found.incidence[i], expected[i], 1e-15);
  EXPECT_EQ(found.survival[0], 1.0);
  EXPECT_NEAR(found.survival[2], std::exp(-1.6), 1e-15);
  EXPECT_TRUE(found.variance.empty());
}

TEST(CauseIncidence, GivenATenureOnlyWhatIsLeftCounts) {
  const Numbers time{1.0, 3.0}, hazard{0.2, 0.4}, risk{1.0}, until{2.0}, after{1.0};
  const CauseIncidence found =
      cause_incidence({1, time, hazard, {}, {}, {}}, {risk, {}, after}, until);
  EXPECT_NEAR(found.incidence[0], 1.0 - std::exp(-0.4), 1e-15);
}

TEST(CauseIncidence, OneCauseHasTheVarianceOfItsCurve) {
  // F = 1 - e^{-r L}: dF = S r (dL - L (x - m) db), with var dL and var b.
  const Numbers time{1.0, 2.0}, hazard{0.2, 0.1}, spread{0.04, 0.01}, mean{0.06, 0.05}, v{0.5};
  const Numbers risk{1.5}, x{0.7}, until{2.0};
  const CauseIncidence found =
      cause_incidence({1, time, hazard, spread, mean, v}, {risk, x}, until);
  const double s = std::exp(-1.5 * 0.3), slope = 1.5 * (0.11 - 0.7 * 0.3);
  EXPECT_NEAR(found.variance[0], s * s * (1.5 * 1.5 * 0.05 + slope * slope * 0.5), 1e-16);
}

TEST(CauseIncidence, ThreadsDoNotChangeABit) {
  const std::int64_t n = 100, times = 40;
  Numbers time, hazard, risk, until{10.0, 25.0, 41.0};
  for (std::int64_t g = 0; g < times; ++g) {
    time.push_back(static_cast<double>(g + 1));
    hazard.push_back(0.01 * static_cast<double>(g % 3));
    hazard.push_back(0.02);
  }
  for (std::int64_t i = 0; i < 2 * n; ++i) risk.push_back(0.1 * static_cast<double>(i % 17));
  const CauseBaselines base{2, time, hazard, {}, {}, {}};
  const CauseIncidence one = cause_incidence(base, {risk, {}}, until, Execution{1});
  const CauseIncidence four = cause_incidence(base, {risk, {}}, until, Execution{4});
  EXPECT_EQ(one.incidence, four.incidence);
  EXPECT_EQ(one.survival, four.survival);
  for (std::size_t i = 0; i < one.survival.size(); ++i)
    EXPECT_NEAR(one.survival[i] + one.incidence[2 * i] + one.incidence[2 * i + 1], 1.0, 1e-14);
}

}  // namespace
}  // namespace tenure::churn
