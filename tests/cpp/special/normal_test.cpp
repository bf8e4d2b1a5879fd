#include "tenure/special/normal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tenure::special {
namespace {

// 30 digits from mpmath, one point in each branch and beside each border.
TEST(NormalQuantile, MatchesReferenceDigits) {
  const struct {
    double p, x;
  } rows[] = {
      {1e-300, -37.0470962993611992365470425049},  {1e-100, -21.2734535609653242941795170354},
      {1e-20, -9.26234008979840757957209460428},   {1.3e-11, -6.66761145651074083466221889986},
      {1.5e-11, -6.64657088747711286142771784041}, {1e-05, -4.26489079392282461023374886652},
      {0.025, -1.95996398454005421177958419423},   {0.0749, -1.44023826752796366311240240032},
      {0.0751, -1.43882539275253998243591382148},  {0.3, -0.524400512708040815969454362264},
      {0.51, 0.0250689082587110580326916255394},   {0.9249, 1.43882539275254037418898164305},
      {0.9251, 1.44023826752796385938773073769},   {0.999, 3.09023230616781327775820233256},
  };
  for (const auto& row : rows)
    EXPECT_NEAR(normal_quantile(row.p) / row.x, 1.0, 1e-15) << "p = " << row.p;
}

TEST(NormalQuantile, IsOddAboutOneHalf) {
  EXPECT_EQ(normal_quantile(0.5), 0.0);
  for (const double p : {0x1p-2, 0x1p-4, 0x1p-10, 0x1p-40})
    EXPECT_EQ(normal_quantile(p), -normal_quantile(1.0 - p));
}

TEST(NormalQuantile, HasItsLimitsAtTheEdges) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(normal_quantile(0.0), -kInfinity);
  EXPECT_EQ(normal_quantile(1.0), kInfinity);
  for (const double p : {-0.1, 1.1, kInfinity, std::nan("")})
    EXPECT_TRUE(std::isnan(normal_quantile(p)));
}

TEST(TwoSidedZ, IsTheFamiliarNumber) {
  EXPECT_NEAR(two_sided_z(0.95), 1.959963984540054, 1e-15);
  EXPECT_NEAR(two_sided_z(0.99), 2.5758293035489004, 2e-15);
}

}  // namespace
}  // namespace tenure::special
