#include "tenure/special/chi_square.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace tenure::special {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(GammaQ, EqualsTheReference) {
  // mpmath at 30 digits.
  const double rows[][3] = {
      {0.5, 0.1, 0.65472084601857702044},       {0.5, 50.0, 1.5239706048321052132e-23},
      {3.5, 2.25, 0.72071727379114889352},      {10.0, 12.5, 0.20143110494553577128},
      {100.0, 80.0, 0.98289168696486688583},    {100.0, 130.0, 0.002750408367306526277},
      {1000.0, 1000.0, 0.4957947558197844915},  {1000.0, 1300.0, 1.8736155715785551242e-18},
      {250.5, 600.0, 3.1206073569196806819e-59}};
  for (const auto& [a, x, q] : rows) EXPECT_NEAR(gamma_q(a, x) / q, 1.0, 2e-13) << a << " " << x;
}

TEST(GammaQ, HasItsClosedForms) {
  for (const double x : {1e-8, 0.3, 0.99, 1.0, 1.5, 2.0, 7.0, 30.0, 600.0}) {
    EXPECT_NEAR(gamma_q(1.0, x) / std::exp(-x), 1.0, 1e-13) << x;
    EXPECT_NEAR(gamma_q(0.5, x) / std::erfc(std::sqrt(x)), 1.0, 1e-13) << x;
    EXPECT_NEAR(gamma_q(2.0, x) / (std::exp(-x) * (1.0 + x)), 1.0, 1e-13) << x;
  }
}

TEST(GammaQ, FallsWithoutAJumpWhereItsFormulasMeet) {
  for (const double a : {0.5, 3.0, 15.9, 16.0, 400.0}) {
    const double at = a + 1.0, below = std::nextafter(at, 0.0);
    EXPECT_NEAR(gamma_q(a, below) / gamma_q(a, at), 1.0, 2e-13) << a;
  }
}

TEST(GammaQ, IsDefinedAtItsEdgesOnly) {
  EXPECT_EQ(gamma_q(2.0, 0.0), 1.0);
  EXPECT_EQ(gamma_q(2.0, kInfinity), 0.0);
  for (const double bad : {-1.0, std::nan("")}) {
    EXPECT_TRUE(std::isnan(gamma_q(bad, 1.0)));
    EXPECT_TRUE(std::isnan(gamma_q(1.0, bad)));
  }
  EXPECT_TRUE(std::isnan(gamma_q(0.0, 1.0)));
  EXPECT_TRUE(std::isnan(gamma_q(kInfinity, 1.0)));
}

TEST(ChiSquare, HasTheQuantilesOfEveryTable) {
  EXPECT_NEAR(chi_square_survival(3.841458820694124, 1.0), 0.05, 1e-14);
  EXPECT_NEAR(chi_square_survival(18.307038053275146, 10.0), 0.05, 1e-14);
  EXPECT_EQ(chi_square_survival(0.0, 3.0), 1.0);
  EXPECT_EQ(chi_square_survival(-1.0, 3.0), 1.0);
  EXPECT_TRUE(std::isnan(chi_square_survival(std::nan(""), 3.0)));
}

}  // namespace
}  // namespace tenure::special
