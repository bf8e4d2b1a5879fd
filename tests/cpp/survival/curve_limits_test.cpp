#include "tenure/survival/curve_limits.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/survival/kaplan_meier.hpp"

namespace tenure::survival {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kZ95 = 1.959963984540054;

// 4 rows without censoring: S = 3/4, 1/2, 1/4, 0; greenwood = 1/12, 1/4, 3/4, inf.
const std::vector<double> kTime{1, 2, 4, 8}, kSurvival{0.75, 0.5, 0.25, 0.0},
    kGreenwood{1.0 / 12.0, 0.25, 0.75, kInfinity};
const CurveView kCurve{kTime, kSurvival, kGreenwood};

TEST(CurveLimits, FollowTheirFormulas) {
  const auto plain = curve_limits(kCurve, LimitScale::plain, 0.95);
  EXPECT_DOUBLE_EQ(plain.standard_error[1], 0.25);
  EXPECT_NEAR(plain.lower[1], 0.5 - kZ95 * 0.25, 1e-15);
  EXPECT_NEAR(plain.upper[1], 0.5 + kZ95 * 0.25, 1e-15);
  EXPECT_EQ(plain.upper[0], 1.0);
  EXPECT_EQ(plain.lower[2], 0.0);
  const auto log = curve_limits(kCurve, LimitScale::log, 0.95);
  EXPECT_NEAR(log.lower[1], 0.5 * std::exp(-kZ95 * 0.5), 1e-15);
  EXPECT_EQ(log.upper[1], 1.0);
  const auto log_log = curve_limits(kCurve, LimitScale::log_log, 0.95);
  const double spread = kZ95 * 0.5 / std::log(2.0);
  EXPECT_NEAR(log_log.lower[1], std::pow(0.5, std::exp(spread)), 1e-15);
  EXPECT_NEAR(log_log.upper[1], std::pow(0.5, std::exp(-spread)), 1e-15);
}

TEST(CurveLimits, AreMissingWhereNobodyIsLeft) {
  for (const auto scale : {LimitScale::plain, LimitScale::log, LimitScale::log_log}) {
    const auto limits = curve_limits(kCurve, scale, 0.95);
    EXPECT_TRUE(std::isnan(limits.standard_error.back()));
    EXPECT_TRUE(std::isnan(limits.lower.back()));
    EXPECT_TRUE(std::isnan(limits.upper.back()));
  }
}

TEST(CurveQuantile, IsTheFirstTimeAtOrBelow) {
  const auto limits = curve_limits(kCurve, LimitScale::log_log, 0.95);
  EXPECT_EQ(curve_quantile(kCurve, limits, 0.5).value, 2.0);
  EXPECT_EQ(curve_quantile(kCurve, limits, 0.51).value, 4.0);
  EXPECT_EQ(curve_quantile(kCurve, limits, 0.01).value, 1.0);
  // The lower limit of S is .128 at 1; the upper one .845 at 2 and .665 at 4, never down to one
  // half.
  EXPECT_EQ(curve_quantile(kCurve, limits, 0.5).lower, 1.0);
  EXPECT_EQ(curve_quantile(kCurve, limits, 0.5).upper, kInfinity);
}

TEST(CurveQuantile, IsInfiniteWhereTheCurveStaysAbove) {
  const CurveView head{std::span(kTime).first(1), std::span(kSurvival).first(1),
                       std::span(kGreenwood).first(1)};
  const auto q = curve_quantile(head, curve_limits(head, LimitScale::plain, 0.95), 0.5);
  EXPECT_EQ(q.value, kInfinity);
  EXPECT_EQ(q.upper, kInfinity);
}

// The product (7/8)(6/7)(5/6)(4/5) rounds to just above 1/2 in double precision.
TEST(CurveQuantile, IsNotDecidedByRounding) {
  const std::vector<double> duration{1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<std::uint8_t> churned(8, 1);
  auto curve = kaplan_meier({duration, churned});
  curve.survival[3] = std::nextafter(0.5, 1.0);
  const CurveView view{curve.time, curve.survival, curve.greenwood};
  EXPECT_EQ(curve_quantile(view, curve_limits(view, LimitScale::log, 0.95), 0.5).value, 4.0);
}

TEST(RestrictedMean, IsTheAreaUnderTheSteps) {
  EXPECT_EQ(restricted_mean(kCurve, 0.5, 0.95).value, 0.5);
  EXPECT_EQ(restricted_mean(kCurve, 0.5, 0.95).standard_error, 0.0);
  EXPECT_EQ(restricted_mean(kCurve, 3.0, 0.95).value, 1.0 + 0.75 + 0.5);
  // Areas beyond 1 and 2 are 1.25 and 0.5; terms d/(n (n - d)) are 1/12 and 1/6.
  EXPECT_NEAR(restricted_mean(kCurve, 3.0, 0.95).standard_error,
              std::sqrt(1.25 * 1.25 / 12.0 + 0.5 * 0.5 / 6.0), 1e-15);
  // Past extinction nothing is added: the mean of 1, 2, 4, 8, with the variance sum (x - m)^2 /
  // n^2.
  EXPECT_EQ(restricted_mean(kCurve, 100.0, 0.95).value, 3.75);
  EXPECT_NEAR(restricted_mean(kCurve, 100.0, 0.95).standard_error,
              std::sqrt((2.75 * 2.75 + 1.75 * 1.75 + 0.25 * 0.25 + 4.25 * 4.25) / 16.0), 1e-14);
  EXPECT_THROW(restricted_mean(kCurve, -1.0, 0.95), InvalidInput);
  EXPECT_THROW(restricted_mean(kCurve, kInfinity, 0.95), InvalidInput);
}

TEST(RestrictedMean, HasNormalLimitsCutToItsRange) {
  const auto mean = restricted_mean(kCurve, 3.0, 0.95);
  EXPECT_NEAR(mean.lower, mean.value - kZ95 * mean.standard_error, 1e-14);
  EXPECT_EQ(mean.upper, 3.0);
  EXPECT_THROW(restricted_mean(kCurve, 3.0, 1.0), InvalidInput);
}

TEST(SurvivalAt, IsRightContinuousAndUnknownBeyondTheData) {
  const auto at = [&](double last, std::vector<double> t) { return survival_at(kCurve, last, t); };
  EXPECT_EQ(at(8.0, {0, 0.999, 1, 3, 8, 1e9}), (std::vector<double>{1, 1, 0.75, 0.5, 0, 0}));
  const CurveView head{std::span(kTime).first(2), std::span(kSurvival).first(2),
                       std::span(kGreenwood).first(2)};
  const auto s = survival_at(head, 3.0, std::vector<double>{3.0, 3.5});
  EXPECT_EQ(s[0], 0.5);
  EXPECT_TRUE(std::isnan(s[1]));
  EXPECT_THROW(at(8.0, {1.0, -1.0}), InvalidInput);
}

TEST(CurveLimits, RefuseLevelsAndSharesOutsideTheUnitInterval) {
  for (const double bad : {0.0, 1.0, -1.0, std::nan("")}) {
    EXPECT_THROW(curve_limits(kCurve, LimitScale::log, bad), InvalidInput);
    const auto limits = curve_limits(kCurve, LimitScale::log, 0.95);
    EXPECT_THROW(curve_quantile(kCurve, limits, bad), InvalidInput);
  }
}

}  // namespace
}  // namespace tenure::survival
