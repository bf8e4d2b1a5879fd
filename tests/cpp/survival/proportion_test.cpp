#include "tenure/survival/proportion.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/special/normal.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::survival {
namespace {

const double kZ95 = special::two_sided_z(0.95);

// The definition: both limits solve |k/n - p| = z sqrt(p (1 - p) / n).
TEST(Wilson, LimitsSolveTheScoreEquation) {
  for (const double n : {1.0, 7.0, 100.0, 2.5, 1e6})
    for (const double share : {0.0, 0.01, 0.3, 0.5, 0.99, 1.0}) {
      const Interval interval = wilson(share * n, n, kZ95);
      for (const double p : {interval.lower, interval.upper})
        EXPECT_NEAR((share - p) * (share - p), kZ95 * kZ95 * p * (1.0 - p) / n, 1e-15);
      EXPECT_LE(interval.lower, share);
      EXPECT_GE(interval.upper, share);
    }
}

TEST(Wilson, IsExactAtItsEdges) {
  for (const double n : {1.0, 3.0, 1e9}) {
    EXPECT_EQ(wilson(0.0, n, kZ95).lower, 0.0);
    EXPECT_EQ(wilson(n, n, kZ95).upper, 1.0);
    EXPECT_NEAR(wilson(0.0, n, kZ95).upper, kZ95 * kZ95 / (n + kZ95 * kZ95), 1e-15);
  }
}

TEST(Wilson, KeepsTheDigitsOfATinyLowerLimit) {
  // k = 1: k^2 / (n (centre + half)); 60-digit value of the lower root for n = 1e12.
  EXPECT_NEAR(wilson(1.0, 1e12, kZ95).lower / 1.765245549351747767773015e-13, 1.0, 1e-14);
}

TEST(Wilson, IsMissingWithoutObservations) {
  EXPECT_TRUE(std::isnan(wilson(0.0, 0.0, kZ95).lower));
  EXPECT_TRUE(std::isnan(wilson(0.0, 0.0, kZ95).upper));
  EXPECT_TRUE(std::isnan(wilson(std::nan(""), 5.0, kZ95).lower));
  EXPECT_TRUE(std::isnan(wilson(1.0, std::nan(""), kZ95).upper));
}

TEST(WilsonIntervals, NameTheBadRow) {
  const std::vector<double> n{10, 10, 10};
  for (const double bad : {-1.0, 11.0}) {
    const std::vector<double> k{1, bad, bad};
    try {
      wilson_intervals(k, n, 0.95);
      FAIL() << "no error";
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.argument(), "k");
      EXPECT_EQ(e.row(), 1);
    }
  }
  EXPECT_THROW(wilson_intervals(n, n, 1.0), InvalidInput);
  EXPECT_THROW(wilson_intervals(n, std::vector<double>{1}, 0.95), InvalidInput);
}

}  // namespace
}  // namespace tenure::survival
