#include "tenure/support/quantile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tenure/support/random.hpp"
#include "tenure/support/select.hpp"

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

TEST(Quantile, BySelectionIsThatOfSortedValues) {
  RandomStream random(3, 1);
  for (const std::int64_t n : {1, 2, 70'001, 200'000})
    for (const int kind : {0, 1, 2, 3}) {
      std::vector<double> x;
      for (std::int64_t i = 0; i < n; ++i) {
        const double u = random.uniform();
        x.push_back(kind == 0   ? u
                    : kind == 1 ? std::exp(40.0 * u)           // over many powers of two
                    : kind == 2 ? std::floor(3.0 * u)          // three values, 0 among them
                                : (i % 2 ? 1e15 : 86'400e6));  // the place lies between two
      }
      std::vector<double> sorted = x;
      std::sort(sorted.begin(), sorted.end());
      for (const double p : {0.0, 0.3, 0.5, 1.0}) {
        std::vector<double> copy = x;
        EXPECT_EQ(polled_quantile(copy, p, {1}), sorted_quantile(sorted, p)) << n << ' ' << kind;
      }
    }
}

TEST(Quantile, OfNothingIsMissing) { EXPECT_TRUE(std::isnan(sorted_quantile({}, 0.5))); }

}  // namespace
}  // namespace tenure
