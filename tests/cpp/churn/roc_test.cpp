#include "tenure/churn/roc.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Scores = std::vector<double>;
using Labels = std::vector<std::uint8_t>;

TEST(Roc, EqualScoresAreOnePoint) {
  const Scores score{0.5, -1.0, 0.5, -0.0, 0.0, 2.0};
  const Labels label{1, 0, 0, 1, 0, 1};
  const auto p = roc_points(score, label, {}, {});
  EXPECT_EQ(p.threshold, (Scores{2.0, 0.5, 0.0, -1.0}));
  EXPECT_EQ(p.positives, (Scores{1, 2, 3, 3}));
  EXPECT_EQ(p.negatives, (Scores{0, 1, 2, 3}));
}

TEST(Roc, WeightsAreCounted) {
  const auto p = roc_points(Scores{1, 2}, Labels{0, 1}, Scores{2.5, 0.5}, {});
  EXPECT_EQ(p.positives, (Scores{0.5, 0.5}));
  EXPECT_EQ(p.negatives, (Scores{0.0, 2.5}));
}

TEST(Roc, TheHullKeepsCornersOnly) {
  //                      on the line from the origin, corner, below, end
  const Scores positives{1, 2, 2, 3}, negatives{0.5, 1, 2, 3};
  EXPECT_EQ(roc_hull(positives, negatives), (std::vector<std::int64_t>{-1, 1, 3}));
  EXPECT_EQ(roc_hull(Scores{}, Scores{}), (std::vector<std::int64_t>{-1}));
}

TEST(Roc, PlacementsAverageToTheAreaOverEitherClass) {
  const Labels label{1, 0, 1, 0, 0};
  const auto placement = roc_placements(Scores{3, 1, 2, 2, 0}, label, {});
  EXPECT_DOUBLE_EQ(placement[0], 1.0);
  EXPECT_DOUBLE_EQ(placement[2], 2.5 / 3.0);
  EXPECT_DOUBLE_EQ(placement[3], 0.75);
  EXPECT_DOUBLE_EQ((placement[0] + placement[2]) / 2.0,
                   (placement[1] + placement[3] + placement[4]) / 3.0);
}

TEST(Roc, BadRowsAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto row_of = [](const auto& call) -> std::int64_t {
    try {
      call();
    } catch (const InvalidInput& e) {
      return e.row();
    }
    return -2;
  };
  EXPECT_EQ(row_of([&] { roc_points(Scores{1, nan}, Labels{0, 1}, {}, {}); }), 1);
  EXPECT_EQ(row_of([&] { roc_points(Scores{1, 2}, Labels{0, 7}, {}, {}); }), 1);
  EXPECT_EQ(row_of([&] { roc_points(Scores{1, 2}, Labels{0, 1}, Scores{-1, 1}, {}); }), 0);
  EXPECT_EQ(row_of([&] { roc_placements(Scores{1, 2}, Labels{1, 1}, {}); }), -1);
  EXPECT_EQ(row_of([&] { roc_points(Scores{1, 2}, Labels{0}, {}, {}); }), -1);
}

}  // namespace
}  // namespace tenure::churn
