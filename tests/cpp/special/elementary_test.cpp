#include "tenure/special/elementary.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/support/random.hpp"

namespace tenure::special {
namespace {

double ulps(double got, long double expected) {
  const double rounded = static_cast<double>(expected);
  const double ulp = std::nextafter(std::abs(rounded), INFINITY) - std::abs(rounded);
  return std::abs(static_cast<double>((static_cast<long double>(got) - expected) / ulp));
}

TEST(VectorLog, IsWithinOneUlp) {
  RandomStream random(1, 0);
  double worst = 0.0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = i % 2 ? std::exp2(2000.0 * random.uniform() - 1000.0) : 0.5 + random.uniform();
    worst = std::max(worst, ulps(vector_log(x), std::log(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 1.0);
  EXPECT_EQ(vector_log(1.0), 0.0);
}

TEST(VectorExp, IsWithinTwoUlp) {
  RandomStream random(2, 0);
  double worst = 0.0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = i % 2 ? 1400.0 * random.uniform() - 700.0 : 2.0 * random.uniform() - 1.0;
    worst = std::max(worst, ulps(vector_exp(x), std::exp(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 2.0);
  EXPECT_EQ(vector_exp(0.0), 1.0);
  EXPECT_LT(vector_exp(-1e300), 4e-308);
  EXPECT_GT(vector_exp(-1e300), 0.0);
}

TEST(VectorLog1p, KeepsSmallArguments) {
  RandomStream random(3, 0);
  double worst = 0.0;
  for (int i = 0; i < 100'000; ++i) {
    const double e = std::exp2(-60.0 * random.uniform());
    worst = std::max(worst, ulps(vector_log1p(e), std::log1p(static_cast<long double>(e))));
  }
  EXPECT_LT(worst, 3.0);
  EXPECT_EQ(vector_log1p(0.0), 0.0);
}

}  // namespace
}  // namespace tenure::special
