// Risk tables, incidence, interval censoring and bands: small cases by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tenure/support/errors.hpp"
#include "tenure/survival/bands.hpp"
#include "tenure/survival/competing_risks.hpp"
#include "tenure/survival/turnbull.hpp"

namespace tenure::survival {
namespace {

using Numbers = std::vector<double>;

TEST(RiskTable, CountsSortsAndWeighsAlike) {
  Numbers days, weeks, weight;
  std::vector<std::int32_t> cause;
  for (int i = 0; i < 500; ++i) {
    days.push_back((i * 37) % 91);
    weeks.push_back(days.back() / 7.0);
    weight.push_back(1.0);
    cause.push_back(i % 3);
  }
  const RiskTable counted = risk_table(CauseSample{days, cause, 2});
  const RiskTable sorted = risk_table(CauseSample{weeks, cause, 2});
  CauseSample weighed{days, cause, 2};
  weighed.weight = weight;
  for (const RiskTable& other : {sorted, risk_table(weighed)}) {
    EXPECT_EQ(counted.at_risk, other.at_risk);
    EXPECT_EQ(counted.stay, other.stay);
    EXPECT_EQ(counted.events, other.events);
  }
}

TEST(RiskTable, NamesTheBadCause) {
  const Numbers time{1.0, 2.0};
  const std::vector<std::int32_t> cause{1, 3};
  try {
    risk_table(CauseSample{time, cause, 2});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.argument(), "cause");
    EXPECT_EQ(error.row(), 1);
  }
}

TEST(AalenJohansen, ByHand) {
  const Numbers time{1.0, 2.0, 2.0, 3.0};
  const std::vector<std::int32_t> cause{2, 1, 0, 2};
  const CumulativeIncidence f = aalen_johansen({time, cause, 2});
  EXPECT_EQ(f.incidence, (Numbers{0.0, 0.25, 0.25, 0.25, 0.25, 0.75}));
  EXPECT_EQ(f.survival, (Numbers{0.75, 0.5, 0.0}));
}

TEST(NelsonAalen, TakesTiesTogetherOrInTurn) {
  const Numbers time{1.0, 1.0, 2.0};
  const std::vector<std::uint8_t> churned{1, 1, 0};
  EXPECT_DOUBLE_EQ(nelson_aalen({time, churned}, HazardTies::together).hazard[0], 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(nelson_aalen({time, churned}, HazardTies::in_turn).hazard[0], 5.0 / 6.0);
}

TEST(Turnbull, ByHand) {
  const double never = std::numeric_limits<double>::infinity();
  const Numbers lower{0.0, 1.0, 2.0, 4.0}, upper{2.0, 3.0, 4.0, never};
  const TurnbullCurve curve = turnbull({lower, upper});
  ASSERT_TRUE(curve.converged);
  EXPECT_EQ(curve.left, (Numbers{1.0, 2.0, 4.0}));
  EXPECT_EQ(curve.right, (Numbers{2.0, 3.0, never}));
  for (std::size_t j = 0; j < 3; ++j)
    EXPECT_NEAR(curve.mass[j], (Numbers{0.375, 0.375, 0.25})[j], 1e-7);
}

TEST(Turnbull, SpansOfManyIntervalsEndAtACertificate) {
  Numbers lower, upper;
  for (int i = 0; i < 4000; ++i) {
    const double first = (i * 7919) % 997, length = 1 + (i * 104729) % 83;
    lower.push_back(first);
    upper.push_back(i % 5 == 0 ? first : first + length);
  }
  const TurnbullCurve curve = turnbull({lower, upper});
  EXPECT_TRUE(curve.converged);
  EXPECT_NEAR(std::accumulate(curve.mass.begin(), curve.mass.end(), 0.0), 1.0, 1e-12);
}

TEST(Bands, KolmogorovAndAPoint) {
  EXPECT_NEAR(hall_wellner_critical_value(0.95, 0.0, 1.0), 1.3580986393225505, 1e-9);
  EXPECT_NEAR(equal_precision_critical_value(0.95, 0.3, 0.3), 1.959963984540054, 1e-7);
  EXPECT_NEAR(hall_wellner_probability(0.6, 0.4, 0.4), std::erf(0.6 / std::sqrt(0.48)), 1e-12);
  EXPECT_THROW(equal_precision_critical_value(0.95, 0.0, 0.5), InvalidInput);
}

}  // namespace
}  // namespace tenure::survival
