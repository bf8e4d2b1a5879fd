#include "tenure/special/gamma_cross.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tenure::special {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(GammaCross, OfOneStepIsALogarithm) {
  for (const double p : {1e-300, 1e-8, 0.3, 15.9, 16.0, 1e4, 1e15})
    for (const double a : {1e-12, 0.7, 30.0, 1e12})
      EXPECT_DOUBLE_EQ(log_gamma_cross(p, a, 1.0), std::log1p(a / p)) << p << " " << a;
}

TEST(GammaCross, OfWholeStepsIsASumOfThem) {
  // log prod (1 + a / (p + k)); the sum is as exact where digits of gamma functions cancel.
  for (const double p : {1e-8, 0.7, 15.5, 16.5, 300.0, 1e10})
    for (const double a : {1e-10, 0.3, 20.0, 1e6}) {
      double sum = 0.0;
      for (int k = 0; k < 25; ++k) sum += std::log1p(a / (p + k));
      EXPECT_NEAR(log_gamma_cross(p, a, 25.0) / sum, 1.0, 3e-15) << p << " " << a;
    }
}

TEST(GammaCross, IsSymmetricInItsSteps) {
  for (const double p : {1e-6, 2.5, 40.0, 1e9})
    for (const double a : {1e-9, 0.4, 7.0})
      for (const double x : {1e-7, 3.3, 1e8})
        EXPECT_NEAR(log_gamma_cross(p, a, x) / log_gamma_cross(p, x, a), 1.0, 1e-14);
}

TEST(GammaCross, HasTheDerivativesOfOneStep) {
  const GammaCross g = gamma_cross(2.5, 0.7, 1.0);
  EXPECT_NEAR(g.a, 1.0 / 3.2, 1e-14);
  EXPECT_NEAR(g.aa, -1.0 / (3.2 * 3.2), 1e-14);
  EXPECT_NEAR(g.p, 1.0 / 3.2 - 1.0 / 2.5, 1e-15);
  EXPECT_NEAR(g.pp, 1.0 / (2.5 * 2.5) - 1.0 / (3.2 * 3.2), 1e-15);
}

TEST(GammaCross, IsDefinedAtItsEdges) {
  EXPECT_EQ(log_gamma_cross(2.0, 0.0, 5.0), 0.0);
  EXPECT_EQ(log_gamma_cross(2.0, 5.0, 0.0), 0.0);
  EXPECT_EQ(log_gamma_cross(2.0, 5.0, kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(log_gamma_cross(0.0, 1.0, 1.0)));
  EXPECT_TRUE(std::isnan(log_gamma_cross(1.0, -1.0, 2.0)));
  EXPECT_TRUE(std::isnan(log_gamma_cross(std::nan(""), 1.0, 2.0)));
}

}  // namespace
}  // namespace tenure::special
