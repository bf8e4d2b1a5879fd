#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/special/chi_square.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/survival/multiplicity.hpp"
#include "tenure/survival/proportion_test.hpp"

namespace tenure::survival {
namespace {

using Column = std::vector<double>;

// [Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10]
TEST(ProportionDifference, HasThePublishedLimits) {
  const Column k1{56, 9, 6, 5, 0, 0, 10, 10}, n1{70, 10, 7, 56, 10, 10, 10, 10};
  const Column k2{48, 3, 2, 0, 0, 0, 0, 0}, n2{80, 10, 7, 29, 20, 10, 20, 10};
  const Column lower{0.0524, 0.1705, 0.0582, -0.0381, -0.1611, -0.2775, 0.6791, 0.6075};
  const Column upper{0.3339, 0.8090, 0.8062, 0.1926, 0.2775, 0.2775, 1.0000, 1.0000};
  const auto d = compare_proportions({k1, n1, k2, n2}, 0.95);
  for (std::size_t i = 0; i < k1.size(); ++i) {
    EXPECT_NEAR(d.lower[i], lower[i], 5e-5) << i;
    EXPECT_NEAR(d.upper[i], upper[i], 5e-5) << i;
  }
}

TEST(ProportionDifference, IsTheChiSquareOfTheTable) {
  const Column k1{15}, n1{40}, k2{30}, n2{50};
  const auto d = compare_proportions({k1, n1, k2, n2}, 0.95);
  // n (ad - bc)^2 / (products of the margins)
  const double chi = 90.0 * std::pow(15.0 * 20 - 25.0 * 30, 2) / (40.0 * 50 * 45 * 45);
  EXPECT_NEAR(d.z[0] * d.z[0], chi, 1e-13);
  EXPECT_LT(d.z[0], 0.0);
  EXPECT_NEAR(d.p_value[0], special::chi_square_survival(chi, 1.0), 1e-15);
  const Column k{15, 30}, n{40, 50};
  const auto h = proportion_homogeneity(k, n, 2);
  EXPECT_NEAR(h.statistic[0], chi, 1e-13);
  EXPECT_EQ(h.df[0], 1);
}

TEST(ProportionDifference, IsNothingWhereAllAreAlikeAndMissingWhereNobodyIs) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Column k1{0, 5, 0, nan}, n1{4, 5, 0, nan}, k2{0, 7, 1, 1}, n2{9, 7, 2, 2};
  const auto d = compare_proportions({k1, n1, k2, n2}, 0.95);
  EXPECT_EQ(d.z[0], 0.0);
  EXPECT_EQ(d.p_value[1], 1.0);
  EXPECT_TRUE(std::isnan(d.difference[2]) && std::isnan(d.p_value[3]));
  const Column k{0, nan, 3, 0, 0, 0}, n{5, nan, 4, 0, 0, 1};
  const auto h = proportion_homogeneity(k, n, 3);
  EXPECT_EQ(h.df, (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(h.p_value[1], 1.0);
}

TEST(ProportionDifference, RefusesCountsThatAreNone) {
  const Column one{1}, two{2}, longer{1, 1};
  EXPECT_THROW(compare_proportions({two, one, one, two}, 0.95), InvalidInput);
  EXPECT_THROW(compare_proportions({one, two, one, longer}, 0.95), InvalidInput);
  EXPECT_THROW(compare_proportions({one, two, longer, longer}, 0.95), InvalidInput);
  EXPECT_THROW(compare_proportions({one, two, one, two}, 1.0), InvalidInput);
  EXPECT_THROW(proportion_homogeneity(longer, longer, 3), InvalidInput);
}

// By hand: p = .01, .02, .03, .04 of four tests. Holm: 4 x .01, 3 x .02, then not below these.
// Benjamini-Hochberg: .04 x 4/4 bounds all.
TEST(Multiplicity, AdjustsByHand) {
  const Column p{0.04, 0.01, std::nan(""), 0.03, 0.02};
  const auto holm = adjusted_p_values(p, Correction::holm);
  const auto bh = adjusted_p_values(p, Correction::benjamini_hochberg);
  const Column expected{0.06, 0.04, 0.0, 0.06, 0.06};
  for (const std::size_t i : {0u, 1u, 3u, 4u}) {
    EXPECT_NEAR(holm[i], expected[i], 1e-15);
    EXPECT_NEAR(bh[i], 0.04, 1e-15);
    EXPECT_EQ(adjusted_p_values(p, Correction::none)[i], p[i]);
  }
  EXPECT_TRUE(std::isnan(holm[2]) && std::isnan(bh[2]));
  EXPECT_EQ(adjusted_p_values(Column{0.7, 0.9}, Correction::holm), (Column{1.0, 1.0}));
  EXPECT_THROW(adjusted_p_values(Column{1.5}, Correction::holm), InvalidInput);
}

}  // namespace
}  // namespace tenure::survival
