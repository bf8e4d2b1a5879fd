#include "tenure/segment/ward.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

TEST(Ward, JoinsWhatRaisesTheSumOfSquaresLeast) {
  // 0 and 1 join at 1; then 5 and 7 at 2; the pairs, 5.5 apart, at sqrt(2 2 2 / 4) 5.5.
  const std::vector<double> x{0.0, 5.0, 1.0, 7.0};
  const Merges found = ward({x, 1}, {});
  EXPECT_EQ(found.left, (std::vector<std::int64_t>{0, 1, 4}));
  EXPECT_EQ(found.right, (std::vector<std::int64_t>{2, 3, 5}));
  EXPECT_EQ(found.rows, (std::vector<std::int64_t>{2, 2, 4}));
  EXPECT_NEAR(found.height[0], 1.0, 1e-15);
  EXPECT_NEAR(found.height[1], 2.0, 1e-15);
  EXPECT_NEAR(found.height[2], std::sqrt(2.0) * 5.5, 1e-14);
}

TEST(Ward, HalfTheSquaredHeightsAddUpToTheSumOfSquares) {
  std::vector<double> x, weight;
  for (std::uint64_t i = 0; i < 300; ++i) {
    RandomStream row(3, i);
    for (int j = 0; j < 4; ++j) x.push_back(1e6 + row.normal());
    weight.push_back(0.5 + row.uniform());
  }
  const Merges found = ward({x, 4, weight}, {});
  double raised = 0, total = 0, squares = 0;
  for (const double h : found.height) raised += 0.5 * h * h;
  for (const double w : weight) total += w;
  for (int j = 0; j < 4; ++j) {
    double mean = 0;
    for (int i = 0; i < 300; ++i) mean += weight[i] * (x[i * 4 + j] - 1e6) / total;
    for (int i = 0; i < 300; ++i) squares += weight[i] * std::pow(x[i * 4 + j] - 1e6 - mean, 2);
  }
  EXPECT_NEAR(raised, squares, 1e-9 * squares);
  EXPECT_NEAR(found.weight.back(), total, 1e-9);
  EXPECT_TRUE(std::ranges::is_sorted(found.height));
}

TEST(Ward, EqualRowsAndOneRowEnd) {
  const std::vector<double> x(50, 2.0);
  const Merges same = ward({x, 1}, {});
  EXPECT_EQ(same.height, std::vector<double>(49, 0.0));
  EXPECT_TRUE(ward({std::span(x).first(3), 3}, {}).height.empty());
}

TEST(Ward, CutsNumberClustersByTheirFirstRows) {
  const std::vector<double> x{9.0, 0.0, 9.5, 0.5, 30.0};
  const Merges found = ward({x, 1}, {});
  EXPECT_EQ(cut_tree(found.left, found.right, 3), (std::vector<std::int32_t>{0, 1, 0, 1, 2}));
  EXPECT_EQ(cut_tree(found.left, found.right, 1), std::vector<std::int32_t>(5, 0));
  EXPECT_EQ(cut_tree(found.left, found.right, 5), (std::vector<std::int32_t>{0, 1, 2, 3, 4}));
  EXPECT_THROW(cut_tree(found.left, found.right, 6), InvalidInput);
}

TEST(Ward, NamesTheBadRow) {
  const std::vector<double> x{0.0, NAN, 1.0}, far{0.0, 1e200}, weight{1.0, 0.0, 1.0};
  EXPECT_THROW(ward({x, 1}, {}), InvalidInput);
  EXPECT_THROW(ward({far, 1}, {}), InvalidInput);
  try {
    ward({std::vector<double>{0.0, 1.0, 2.0}, 1, weight}, {});
    FAIL();
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.row(), 1);
  }
}

}  // namespace
}  // namespace tenure::segment
