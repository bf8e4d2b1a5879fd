#include "tenure/support/quantile.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tenure {
namespace {

TEST(Quantile, InterpolatesLinearly) {
  const std::vector<double> x{1, 2, 4, 8};
  EXPECT_EQ(sorted_quantile(x, 0.0), 1.0);
  EXPECT_EQ(sorted_quantile(x, 0.5), 3.0);
  EXPECT_DOUBLE_EQ(sorted_quantile(x, 0.8), 4.0 + 0.4 * 4.0);
  EXPECT_EQ(sorted_quantile(x, 1.0), 8.0);
  EXPECT_EQ(sorted_quantile(std::vector<double>{5}, 0.95), 5.0);
}

// p (n - 1) is whole in decimals: no product in double precision may step off the value.
TEST(Quantile, OfAWholePlaceIsThatValue) {
  for (const int percent : {10, 20, 40, 50, 60, 80, 90, 95})
    for (std::int64_t n = 2; n < 3000; ++n) {
      if (percent * (n - 1) % 100 != 0) continue;
      const QuantilePlace place = quantile_place(n, percent / 100.0);
      EXPECT_EQ(place.below, percent * (n - 1) / 100);
      EXPECT_EQ(place.fraction, 0.0);
    }
}

TEST(Quantile, OfNothingIsMissing) { EXPECT_TRUE(std::isnan(sorted_quantile({}, 0.5))); }

}  // namespace
}  // namespace tenure
