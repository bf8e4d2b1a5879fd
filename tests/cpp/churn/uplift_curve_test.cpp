#include "tenure/churn/uplift_curve.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Values = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

TEST(UpliftCurve, ComparesFromTheFirstPrefixWithBothArms) {
  const Values score{4, 3, 2, 1}, outcome{1, 0, 0, 1};
  const Flags treated{1, 0, 1, 0};
  const auto p = uplift_points({score, treated, outcome}, {});
  EXPECT_EQ(p.threshold, (Values{3, 2, 1}));
  EXPECT_EQ(p.treated, (Values{1, 2, 2}));
  EXPECT_EQ(p.control, (Values{1, 1, 2}));
  EXPECT_EQ(p.increment, (Values{1, 1, 0}));
}

TEST(UpliftCurve, AreasByHand) {
  // (0, 0), (2, 1), (3, 1), (4, 0): 1 + 1 + 1/2, over 4; the line ends at 0.
  const Values score{4, 3, 2, 1}, outcome{1, 0, 0, 1};
  const Flags treated{1, 0, 1, 0};
  const auto a = uplift_area({score, treated, outcome}, {});
  EXPECT_DOUBLE_EQ(a.auuc, 0.625);
  EXPECT_DOUBLE_EQ(a.qini, 0.625);
}

TEST(UpliftCurve, OneScoreForAllIsTheStraightLine) {
  const Values score{7, 7, 7, 7, 7}, outcome{3, 1, 0, 2, 5};
  const Flags treated{1, 0, 1, 0, 1};
  const auto p = uplift_points({score, treated, outcome}, {});
  ASSERT_EQ(p.increment.size(), 1u);
  EXPECT_DOUBLE_EQ(p.increment[0], 8.0 - 3.0 * 3.0 / 2.0);
  const auto a = uplift_area({score, treated, outcome}, {});
  EXPECT_DOUBLE_EQ(a.auuc, p.increment[0] / 2.0);
  EXPECT_NEAR(a.qini, 0.0, 1e-15);
}

TEST(UpliftCurve, TheLevelOfTheOutcomeChangesNothing) {
  const Values score{4, 3, 2, 1, 1, 0}, outcome{1, 0, 0, 1, 2, 1};
  const Flags treated{1, 0, 1, 0, 1, 0};
  Values high = outcome;
  for (double& y : high) y += 0x1p40;
  const auto low = uplift_points({score, treated, outcome}, {});
  const auto p = uplift_points({score, treated, high}, {});
  for (std::size_t k = 0; k < p.increment.size(); ++k) {
    // A level of 2^40 leaves outcomes 12 bits behind the point: a mean of three is 2^-12 off.
    EXPECT_NEAR(p.increment[k], low.increment[k], 0x1p-10);
    EXPECT_NEAR(p.variance[k], low.variance[k], 0x1p-8);
  }
}

TEST(UpliftCurve, InfluencesSumToZero) {
  const Values score{4, 3, 2, 1, 1, 0, -1}, outcome{1, 0, 0.5, 1, 2, 1, 9};
  const Flags treated{1, 1, 1, 0, 1, 0, 1};
  const auto a = uplift_area({score, treated, outcome}, {});
  double auuc = 0.0, qini = 0.0, squares = 0.0;
  for (std::int64_t i = 0; i < a.auuc_influence.size(); ++i) {
    auuc += a.auuc_influence[i];
    qini += a.qini_influence[i];
    squares += a.qini_influence[i] * a.qini_influence[i];
  }
  EXPECT_NEAR(auuc, 0.0, 1e-14);
  EXPECT_NEAR(qini, 0.0, 1e-14);
  EXPECT_GT(squares, 0.0);
}

TEST(UpliftCurve, BadRowsAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto told = [](const Values& score, const Flags& treated, const Values& outcome) {
    try {
      uplift_points({score, treated, outcome}, {});
    } catch (const InvalidInput& e) {
      return e.argument() + " " + std::to_string(e.row());
    }
    return std::string();
  };
  EXPECT_EQ(told({1, nan}, {0, 1}, {1, 1}), "score 1");
  EXPECT_EQ(told({1, 2}, {0, 2}, {1, 1}), "treated 1");
  EXPECT_EQ(told({1, 2}, {0, 1}, {-INFINITY, 1}), "outcome 0");
  EXPECT_EQ(told({1, 2}, {1, 1}, {1, 1}), "treated -1");
  EXPECT_EQ(told({}, {}, {}), "treated -1");
  EXPECT_EQ(told({1, 2}, {1, 0}, {1}), "outcome -1");
}

}  // namespace
}  // namespace tenure::churn
