// Bounds spare looks at rows and centres; they never change a bit of what k-means finds.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tenure/segment/kmeans.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

constexpr KMeansAlgorithm kOthers[] = {KMeansAlgorithm::hamerly, KMeansAlgorithm::exponion,
                                       KMeansAlgorithm::automatic};

/// `grid` > 0 rounds to whole multiples of it: rows halfway between two centres abound.
template <class T>
std::vector<T> clouds(std::int64_t rows, std::int64_t features, std::int64_t clusters,
                      double spread, double grid, double offset) {
  std::vector<T> x;
  for (std::int64_t i = 0; i < rows; ++i) {
    RandomStream row(17, static_cast<std::uint64_t>(i));
    RandomStream centre(18, row.below(static_cast<std::uint64_t>(clusters)));
    for (std::int64_t j = 0; j < features; ++j) {
      const double value = offset + 2.0 * centre.normal() + spread * row.normal();
      x.push_back(static_cast<T>(grid > 0.0 ? grid * std::round(value / grid) : value));
    }
  }
  return x;
}

template <class T>
void expect_same(const std::vector<T>& x, std::int64_t d, std::int64_t k,
                 std::optional<std::vector<double>> weight, int threads) {
  Points<T> points{x, d};
  if (weight) points.weight = *weight;
  const std::vector<T> start(x.begin(), x.begin() + k * d);
  const std::optional<std::span<const T>> from = start;
  KMeansSettings settings{.clusters = k, .max_iterations = 40, .tolerance = 0.0};
  settings.algorithm = KMeansAlgorithm::lloyd;
  const auto plain = kmeans(points, settings, from, {1});
  for (const KMeansAlgorithm algorithm : kOthers) {
    settings.algorithm = algorithm;
    const auto found = kmeans(points, settings, from, {threads});
    ASSERT_EQ(found.centre, plain.centre) << d << " features, " << k << " clusters";
    ASSERT_EQ(found.iterations, plain.iterations);
    ASSERT_EQ(found.inertia, plain.inertia);
    ASSERT_EQ(found.converged, plain.converged);
    ASSERT_TRUE(std::ranges::equal(found.label.span(), plain.label.span()));
  }
}

template <class T>
void spare_no_bit() {
  for (const std::int64_t d : {1, 2, 3, 7})
    for (const std::int64_t k : {1, 2, 5, 12, 40})
      for (const double grid : {0.0, 0.5})
        for (const double offset : {0.0, 1e4}) {
          const std::int64_t n = 900;
          const auto x = clouds<T>(n, d, k, 0.8, grid, offset);
          std::vector<double> weight;
          for (std::int64_t i = 0; i < n; ++i)
            weight.push_back(
                std::floor(4.0 * RandomStream(19, static_cast<std::uint64_t>(i)).uniform()));
          expect_same<T>(x, d, k, std::nullopt, 1);
          expect_same<T>(x, d, k, weight, 1);
        }
}
TEST(KMeansBounds, SpareNoBitInFloat) { spare_no_bit<float>(); }
TEST(KMeansBounds, SpareNoBitInDouble) { spare_no_bit<double>(); }

TEST(KMeansBounds, SpareNoBitOverSeveralBlocksAndThreads) {
  expect_same<float>(clouds<float>(40'000, 4, 30, 1.0, 0.0, 0.0), 4, 30, std::nullopt, 3);
  expect_same<double>(clouds<double>(20'000, 4, 6, 1.5, 0.25, 3.0), 4, 6, std::nullopt, 2);
}

// Far outliers, numbers whose squares vanish, and a weight that outweighs all others.
TEST(KMeansBounds, SpareNoBitAtTheEdgesOfTheRange) {
  auto x = clouds<double>(500, 2, 4, 1.0, 0.0, 0.0);
  x[801] = 1e9;
  x[900] = -1e140;
  expect_same<double>(x, 2, 4, std::nullopt, 1);
  for (double& v : x) v = std::ldexp(v, -1040);
  expect_same<double>(x, 2, 4, std::nullopt, 1);
  auto y = clouds<float>(500, 2, 4, 1.0, 0.0, 0.0);
  std::vector<double> weight(500, 1.0);
  weight[17] = 1e17;
  expect_same<float>(y, 2, 4, weight, 1);
  for (float& v : y) v *= 1e-22F;
  expect_same<float>(y, 2, 4, std::nullopt, 1);
}

// Sums follow the rows that change; those of the result are those of its rows.
TEST(KMeansBounds, CentresAreTheMeansOfTheirRows) {
  const auto x = clouds<double>(30'000, 3, 8, 1.2, 0.0, 50.0);
  const auto found = kmeans<double>({x, 3}, {.clusters = 8, .tolerance = 0.0}, {}, {1});
  ASSERT_TRUE(found.converged);
  std::vector<long double> sum(24), count(8);
  for (std::int64_t i = 0; i < 30'000; ++i) {
    ++count[found.label[i]];
    for (int j = 0; j < 3; ++j) sum[found.label[i] * 3 + j] += x[i * 3 + j];
  }
  for (int i = 0; i < 24; ++i)
    EXPECT_NEAR(found.centre[i], static_cast<double>(sum[i] / count[i / 3]), 1e-13 * 60);
}

TEST(KMeansParallel, DrawsDistinctRowsAndTheSameForEveryThreadCount) {
  const auto x = clouds<float>(30'000, 3, 20, 0.2, 0.0, 0.0);
  const auto once = kmeans_parallel<float>({x, 3}, 20, 5, 0, {1});
  EXPECT_EQ(once.size(), 20u);
  EXPECT_EQ(std::set<std::int64_t>(once.begin(), once.end()).size(), 20u);
  for (const int threads : {2, 3, 8})
    EXPECT_EQ(kmeans_parallel<float>({x, 3}, 20, 5, 0, {threads}), once);
  EXPECT_NE(kmeans_parallel<float>({x, 3}, 20, 6, 0, {1}), once);
  EXPECT_NE(kmeans_parallel<float>({x, 3}, 20, 5, 1, {1}), once);
}

TEST(KMeansParallel, NeverDrawsARowWithoutWeight) {
  const auto x = clouds<double>(200, 2, 3, 1.0, 0.0, 0.0);
  std::vector<double> weight(200);
  for (std::int64_t i = 0; i < 200; i += 5) weight[i] = 1.0;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (const std::int64_t row : kmeans_parallel<double>({x, 2, weight}, 6, seed, 0, {1}))
      EXPECT_EQ(row % 5, 0);
}

// One far row among a thousand equal ones is a seed always, and the sample holds nothing else.
TEST(KMeansParallel, CoversWhatIsFarAndFallsBackWhereRowsAreFew) {
  std::vector<double> x(1000, 1.0);
  x[617] = 9.0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto two = kmeans_parallel<double>({x, 1}, 2, seed, 0, {1});
    EXPECT_EQ((two[0] == 617) + (two[1] == 617), 1);
    EXPECT_EQ(kmeans_parallel<double>({x, 1}, 5, seed, 0, {1}).size(), 5u);
  }
}

}  // namespace
}  // namespace tenure::segment
