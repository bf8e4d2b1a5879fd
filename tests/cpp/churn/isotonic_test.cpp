#include "tenure/churn/isotonic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Values = std::vector<double>;

TEST(Isotonic, PoolsViolatorsByHand) {
  // Means 1, (3 + 2) / 2, (6 + 4 + 5) / 3: by hand.
  const auto b = isotonic(Values{5, 1, 2, 3, 4, 6}, Values{4, 1, 3, 2, 6, 5}, {}, {});
  EXPECT_EQ(b.first, (Values{1, 2, 4}));
  EXPECT_EQ(b.last, (Values{1, 3, 6}));
  EXPECT_EQ(b.value, (Values{1, 2.5, 5}));
  EXPECT_EQ(b.weight, (Values{1, 2, 3}));
}

TEST(Isotonic, EqualScoresShareAValueAndZerosAreOne) {
  const auto b = isotonic(Values{0.0, -0.0, 1.0, -1.0}, Values{1, 0, 1, 0}, {}, {});
  EXPECT_EQ(b.first, (Values{-1, 0, 1}));
  EXPECT_EQ(b.value, (Values{0, 0.5, 1}));
}

TEST(Isotonic, RowsOfNoWeightAreAbsent) {
  const auto b = isotonic(Values{1, 2, 3}, Values{0, 9, 1}, Values{2, 0, 2}, {});
  EXPECT_EQ(b.first, (Values{1, 3}));
  EXPECT_EQ(b.value, (Values{0, 1}));
  EXPECT_EQ(b.weight, (Values{2, 2}));
}

TEST(Isotonic, DescendingTargetsAreOneBlock) {
  const auto b = isotonic(Values{1, 2, 3, 4}, Values{4, 3, 2, 1}, {}, {});
  EXPECT_EQ(b.value, Values{2.5});
}

TEST(Isotonic, ExtremeWeightsDoNotOverflow) {
  const auto b = isotonic(Values{1, 2}, Values{1, 0}, Values{1e300, 1e300}, {});
  EXPECT_EQ(b.value, Values{0.5});
  EXPECT_DOUBLE_EQ(b.weight[0], 2e300);
}

/// max over j <= i of min over k >= i of the mean of j..k [Barlow et al. 1972, th. 1.4].
TEST(Isotonic, IsTheMaxOfMinimaOfMeans) {
  std::uint64_t state = 5;
  const auto draw = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 40);
  };
  for (int run = 0; run < 60; ++run) {
    const std::size_t n = 1 + static_cast<std::size_t>(draw()) % 12;
    Values score(n), target(n), weight(n);
    for (std::size_t i = 0; i < n; ++i) {
      score[i] = static_cast<double>(i) - 4.0;
      target[i] = static_cast<double>(static_cast<int>(draw()) % 5);
      weight[i] = 1.0 + static_cast<double>(static_cast<int>(draw()) % 3);
    }
    const auto blocks = isotonic(score, target, weight, {});
    for (std::size_t i = 0; i < n; ++i) {
      double highest = -std::numeric_limits<double>::infinity();
      for (std::size_t j = 0; j <= i; ++j) {
        double lowest = std::numeric_limits<double>::infinity(), sum = 0.0, of = 0.0;
        for (std::size_t k = j; k < n; ++k) {
          sum += weight[k] * target[k];
          of += weight[k];
          if (k >= i) lowest = std::min(lowest, sum / of);
        }
        highest = std::max(highest, lowest);
      }
      const auto at = std::upper_bound(blocks.first.begin(), blocks.first.end(), score[i]) - 1;
      EXPECT_NEAR(blocks.value[static_cast<std::size_t>(at - blocks.first.begin())], highest,
                  1e-14);
    }
  }
}

TEST(IsotonicConsistency, DrawsFromTheForecasts) {
  // Two forecasts far apart, so often that they are never pooled: means are those of the draws.
  Values probability(4000, 0.2);
  probability.insert(probability.end(), 4000, 0.7);
  const auto drawn = isotonic_consistency(probability, Values{0.2, 0.7}, 200, 1, {});
  double low = 0.0, high = 0.0, square = 0.0;
  for (std::size_t r = 0; r < 200; ++r) {
    low += drawn[2 * r] / 200.0;
    high += drawn[2 * r + 1] / 200.0;
    square += (drawn[2 * r] - 0.2) * (drawn[2 * r] - 0.2) / 200.0;
  }
  EXPECT_NEAR(low, 0.2, 4.0 * 0.0063 / 14.0);  // four errors of a mean of 200
  EXPECT_NEAR(high, 0.7, 4.0 * 0.0073 / 14.0);
  EXPECT_NEAR(square / (0.2 * 0.8 / 4000.0), 1.0, 0.4);  // four errors of a variance of 200
}

TEST(IsotonicConsistency, IsTheSameOnEveryThread) {
  Values probability(500), at{0.1, 0.4, 0.9};
  for (std::size_t i = 0; i < 500; ++i) probability[i] = static_cast<double>(i % 97) / 97.0;
  EXPECT_EQ(isotonic_consistency(probability, at, 30, 9, {.threads = 1}),
            isotonic_consistency(probability, at, 30, 9, {.threads = 3}));
}

TEST(Isotonic, BadRowsAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto row_of = [](const auto& call) -> std::int64_t {
    try {
      call();
    } catch (const InvalidInput& error) {
      return error.row();
    }
    return -2;
  };
  EXPECT_EQ(row_of([&] { isotonic(Values{1, nan}, Values{1, 2}, {}, {}); }), 1);
  EXPECT_EQ(row_of([&] { isotonic(Values{1, 2}, Values{nan, 2}, {}, {}); }), 0);
  EXPECT_EQ(row_of([&] { isotonic(Values{1, 2}, Values{1, 2}, Values{1, -1}, {}); }), 1);
  EXPECT_EQ(row_of([&] { isotonic(Values{1, 2}, Values{1, 2}, Values{0, 0}, {}); }), -1);
  EXPECT_EQ(row_of([&] { isotonic(Values{}, Values{}, {}, {}); }), -1);
  EXPECT_EQ(row_of([&] { isotonic(Values{1}, Values{1, 2}, {}, {}); }), -1);
  EXPECT_EQ(row_of([&] { isotonic_consistency(Values{0.5, 1.5}, Values{}, 1, 1, {}); }), 1);
  EXPECT_EQ(row_of([&] { isotonic_consistency(Values{0.5}, Values{0, 0}, 1, 1, {}); }), 1);
  EXPECT_EQ(row_of([&] { isotonic_consistency(Values{0.5}, Values{0}, 0, 1, {}); }), -1);
}

}  // namespace
}  // namespace tenure::churn
