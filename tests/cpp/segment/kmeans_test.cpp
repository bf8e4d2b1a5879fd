#include "tenure/segment/kmeans.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

/// Rows around `clusters` centres, the same for every standard library.
template <class T>
std::vector<T> blobs(std::int64_t rows, std::int64_t features, std::int64_t clusters,
                     double spread = 1.0) {
  std::vector<T> x;
  for (std::int64_t i = 0; i < rows; ++i) {
    RandomStream row(7, static_cast<std::uint64_t>(i));
    RandomStream centre(8, row.below(static_cast<std::uint64_t>(clusters)));
    for (std::int64_t j = 0; j < features; ++j)
      x.push_back(static_cast<T>(3.0 + 2.0 * centre.normal() + spread * row.normal()));
  }
  return x;
}

/// Lloyd's algorithm by the definition, in long double, without weights and empty clusters.
struct Plain {
  std::vector<long double> centre;
  std::vector<int> label;
  long double inertia = 0;
};
template <class T>
Plain plain_lloyd(const std::vector<T>& x, std::vector<T> start, std::int64_t d, int iterations) {
  const auto k = std::ssize(start) / d;
  const auto n = std::ssize(x) / d;
  Plain p{{start.begin(), start.end()}, std::vector<int>(n), 0};
  const auto assign = [&] {
    p.inertia = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      long double best = INFINITY;
      for (std::int64_t c = 0; c < k; ++c) {
        long double sum = 0;
        for (std::int64_t j = 0; j < d; ++j) {
          const long double gap = x[i * d + j] - p.centre[c * d + j];
          sum += gap * gap;
        }
        if (sum < best) {
          best = sum;
          p.label[i] = static_cast<int>(c);
        }
      }
      p.inertia += best;
    }
  };
  for (int r = 0; r < iterations; ++r) {
    assign();
    std::vector<long double> sum(k * d), count(k);
    for (std::int64_t i = 0; i < n; ++i) {
      ++count[p.label[i]];
      for (std::int64_t j = 0; j < d; ++j) sum[p.label[i] * d + j] += x[i * d + j];
    }
    for (std::int64_t c = 0; c < k; ++c)
      for (std::int64_t j = 0; j < d; ++j) p.centre[c * d + j] = sum[c * d + j] / count[c];
  }
  assign();
  return p;
}

// Shapes around the widths of the kernels: whole and partial tiles, groups of four centres and
// less.
template <class T>
void agrees_with_the_definition(double centre_tolerance, double inertia_tolerance) {
  for (const std::int64_t d : {1, 2, 3, 4, 5, 8, 13})
    for (const std::int64_t k : {1, 2, 3, 4, 5, 7, 8, 11})
      for (const std::int64_t n : {33, 100, 257}) {
        const auto x = blobs<T>(n, d, k);
        const std::vector<T> start(x.begin(), x.begin() + k * d);
        const int iterations = 2;
        const Plain expected = plain_lloyd(x, start, d, iterations);
        KMeansSettings settings{.clusters = k, .max_iterations = iterations, .tolerance = 0.0};
        const auto found =
            kmeans(Points<T>{x, d}, settings, std::optional<std::span<const T>>(start), {1});
        ASSERT_NEAR(found.inertia / static_cast<double>(expected.inertia), 1.0, inertia_tolerance)
            << n << " x " << d << ", " << k;
        for (std::int64_t i = 0; i < k * d; ++i)
          ASSERT_NEAR(found.centre[i], static_cast<double>(expected.centre[i]), centre_tolerance);
        int other = 0;
        for (std::int64_t i = 0; i < n; ++i) other += found.label[i] != expected.label[i];
        ASSERT_EQ(other, 0) << n << " x " << d << ", " << k;
      }
}
TEST(KMeans, AgreesWithTheDefinitionInDouble) { agrees_with_the_definition<double>(1e-13, 1e-13); }
TEST(KMeans, AgreesWithTheDefinitionInFloat) { agrees_with_the_definition<float>(3e-6, 1e-6); }

TEST(KMeans, GivesTheSameBitsForEveryThreadCount) {
  const auto x = blobs<float>(50'003, 8, 5, 2.0);
  std::vector<double> weight;
  for (std::size_t i = 0; i < x.size() / 8; ++i) weight.push_back(RandomStream(9, i).uniform());
  const Points<float> points{x, 8, weight};
  const KMeansSettings settings{.clusters = 5, .restarts = 2, .max_iterations = 12};
  const auto once = kmeans<float>(points, settings, {}, {1});
  for (const int threads : {2, 3, 4, 8, 16}) {
    const auto again = kmeans<float>(points, settings, {}, {threads});
    EXPECT_EQ(again.centre, once.centre);
    EXPECT_EQ(again.inertia, once.inertia);
    EXPECT_EQ(again.iterations, once.iterations);
    EXPECT_TRUE(std::ranges::equal(again.label.span(), once.label.span()));
  }
}

// By hand: from centres 1, 100 and 120 the third stays empty after the first assignment (all of
// 90, 98, 99 are nearer to 100) and moves to the row farthest from its own centre: 90 from 100.
TEST(KMeans, MovesAnEmptyClusterToTheFarthestRow) {
  const std::vector<double> x{0, 1, 2, 90, 98, 99};
  const std::vector<double> start{1, 100, 120};
  KMeansSettings settings{.clusters = 3, .max_iterations = 1, .tolerance = 0.0};
  const auto found =
      kmeans(Points<double>{x, 1}, settings, std::optional<std::span<const double>>(start), {1});
  EXPECT_EQ(found.centre, (std::vector<double>{1.0, 98.5, 90.0}));
  EXPECT_EQ(found.inertia, 2.5);
  EXPECT_FALSE(found.converged);
}

TEST(KMeans, MovesSeveralEmptyClustersInOrderOfDistance) {
  const std::vector<double> x{0, 1, 10, 4, 7};
  const std::vector<double> start{0, 1000, 1001};
  KMeansSettings settings{.clusters = 3, .max_iterations = 1, .tolerance = 0.0};
  const auto found =
      kmeans(Points<double>{x, 1}, settings, std::optional<std::span<const double>>(start), {1});
  ASSERT_EQ(found.centre.size(), 3u);
  EXPECT_NEAR(found.centre[0], 5.0 / 3.0, 1e-12);
  EXPECT_NEAR(found.centre[1], 10.0, 1e-12);
  EXPECT_NEAR(found.centre[2], 7.0, 1e-12);
}

TEST(KMeans, SaysWhenRowsAreFewerThanClusters) {
  const std::vector<double> x(20, 4.0);
  const auto found = kmeans<double>({x, 2}, {.clusters = 3}, {}, {1});
  EXPECT_EQ(found.distinct, 1);
  EXPECT_EQ(found.inertia, 0.0);
  EXPECT_TRUE(found.converged);
  EXPECT_EQ(found.centre, std::vector<double>(6, 4.0));
}

// 1e16 + 4 - 1e16 is not 4: the heavy row leaves for the empty cluster, and no centre becomes NaN.
TEST(KMeans, SurvivesAHeavyRowThatLeaves) {
  const std::vector<double> x{0, 1, 2, 50, 100};
  const std::vector<double> weight{1, 1, 1, 1, 1e17};
  const std::vector<double> start{0, 1000};
  const auto found = kmeans(Points<double>{x, 1, weight}, {.clusters = 2, .tolerance = 0.0},
                            std::optional<std::span<const double>>(start), {1});
  EXPECT_TRUE(found.converged);
  EXPECT_EQ(found.distinct, 2);
  for (const double c : found.centre) EXPECT_TRUE(std::isfinite(c));
}

TEST(KMeans, AWeightIsThatManyRows) {
  const auto x = blobs<double>(400, 3, 4);
  std::vector<double> weight, repeated;
  for (std::int64_t i = 0; i < 400; ++i) {
    const auto w = RandomStream(11, static_cast<std::uint64_t>(i)).below(4);
    weight.push_back(static_cast<double>(w));
    for (std::uint64_t r = 0; r < w; ++r)
      repeated.insert(repeated.end(), x.begin() + 3 * i, x.begin() + 3 * i + 3);
  }
  const std::vector<double> start(x.begin(), x.begin() + 12);
  const std::optional<std::span<const double>> from = start;
  const KMeansSettings settings{.clusters = 4, .tolerance = 0.0};
  const auto weighted = kmeans<double>({x, 3, weight}, settings, from, {1});
  const auto plain = kmeans<double>({repeated, 3}, settings, from, {1});
  EXPECT_EQ(weighted.iterations, plain.iterations);
  EXPECT_NEAR(weighted.inertia, plain.inertia, 1e-11 * plain.inertia);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(weighted.centre[i], plain.centre[i], 1e-12);
}

TEST(KMeans, KeepsTheBestOfItsRuns) {
  const auto x = blobs<double>(300, 2, 9, 0.3);
  double best = INFINITY, worst = 0;
  for (std::uint64_t r = 0; r < 6; ++r) {
    std::vector<double> start;
    for (const std::int64_t row : kmeans_plus_plus<double>({x, 2}, 9, 5, r, {1}))
      start.insert(start.end(), x.begin() + 2 * row, x.begin() + 2 * row + 2);
    const auto one =
        kmeans<double>({x, 2}, {.clusters = 9}, std::optional<std::span<const double>>(start), {1});
    best = std::min(best, one.inertia);
    worst = std::max(worst, one.inertia);
  }
  ASSERT_LT(best, 0.999 * worst);  // the runs do differ
  const auto found = kmeans<double>({x, 2}, {.clusters = 9, .restarts = 6, .seed = 5}, {}, {1});
  EXPECT_NEAR(found.inertia, best, 1e-12 * best);
}

TEST(KMeansPlusPlus, TakesARowOfEachDistantGroup) {
  std::vector<float> x;
  for (int i = 0; i < 4000; ++i) x.push_back(static_cast<float>(1000 * (i % 8)));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::set<std::int64_t> groups;
    for (const std::int64_t row : kmeans_plus_plus<float>({x, 1}, 8, seed, 0, {1}))
      groups.insert(row % 8);
    EXPECT_EQ(groups.size(), 8u);  // a covered group has distance 0 and is never drawn again
  }
}

// With one cluster nothing but the first draw happens: proportional to weight.
TEST(KMeansPlusPlus, DrawsTheFirstRowByWeight) {
  const std::vector<double> x{0, 1, 2, 3};
  const std::vector<double> weight{1, 0, 3, 4};
  std::vector<double> drawn(4);
  const int draws = 8000;
  for (int s = 0; s < draws; ++s)
    drawn[kmeans_plus_plus<double>({x, 1, weight}, 1, static_cast<std::uint64_t>(s), 0, {1})[0]] +=
        1.0 / draws;
  EXPECT_EQ(drawn[1], 0.0);
  for (const int i : {0, 2, 3}) EXPECT_NEAR(drawn[i], weight[i] / 8.0, 0.02);
}

// Two seeds among {0, 1, 3} on a line, the first at 0 or elsewhere: of two candidates drawn with
// probability d^2 / sum d^2, the one that leaves the lower potential is kept.
TEST(KMeansPlusPlus, KeepsTheBetterOfItsDraws) {
  const std::vector<double> x{0, 1, 3};
  std::vector<double> second(3);
  double from_zero = 0;
  for (int s = 0; s < 20000; ++s) {
    const auto rows = kmeans_plus_plus<double>({x, 1}, 2, static_cast<std::uint64_t>(s), 0, {1});
    if (rows[0] != 0) continue;
    ++from_zero;
    ++second[rows[1]];
  }
  // Potentials: with {0, 1} 4, with {0, 3} 1. Row 1 is kept only if both draws hit it: 0.1^2.
  EXPECT_NEAR(second[1] / from_zero, 0.01, 0.004);
  EXPECT_EQ(second[0], 0.0);
}

TEST(KMeansAssign, GivesARowTheSameLabelInAnyCompany) {
  const auto x = blobs<float>(1000, 5, 6, 3.0);
  const std::vector<float> centre(x.begin(), x.begin() + 30);
  const auto all = kmeans_assign<float>({x, 5}, centre, {1});
  for (std::int64_t i = 0; i < 1000; i += 7) {
    const auto one = kmeans_assign<float>({std::span(x).subspan(5 * i, 5), 5}, centre, {1});
    EXPECT_EQ(one.label[0], all.label[i]);
  }
}

TEST(KMeansDistances, AreEuclidean) {
  const std::vector<double> x{0, 0, 3, 4};
  const std::vector<double> centre{0, 0, 3, 0, 6, 8};
  const auto found = kmeans_distances<double>({x, 2}, centre, {1});
  const std::vector<double> expected{0, 3, 10, 5, 4, 5};
  EXPECT_TRUE(std::ranges::equal(found.span(), expected));
}

template <class Call>
void throws_at(const char* argument, std::int64_t row, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error about " << argument;
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.argument(), argument) << e.what();
    EXPECT_EQ(e.row(), row) << e.what();
  }
}
TEST(KMeans, NamesWhatIsWrong) {
  std::vector<double> x(40'000, 1.0);
  const std::vector<double> weight(20'000, 1.0);
  const auto fit = [&](const KMeansSettings& s, const std::vector<double>& w) {
    return [&x, s, w] { kmeans<double>({x, 2, w}, s, {}, {2}); };
  };
  throws_at("n_clusters", -1, fit({.clusters = 0}, weight));
  throws_at("n_clusters", -1, fit({.clusters = 20'001}, weight));
  throws_at("n_init", -1, fit({.restarts = 0}, weight));
  throws_at("max_iter", -1, fit({.max_iterations = 0}, weight));
  throws_at("tol", -1, fit({.tolerance = NAN}, weight));
  throws_at("sample_weight", -1, fit({}, std::vector<double>(20'000)));
  throws_at("sample_weight", -1, fit({}, {1.0}));
  auto bad = weight;
  bad[7] = -1.0;
  throws_at("sample_weight", 7, fit({}, bad));
  throws_at("sample_weight", -1, fit({}, std::vector<double>(20'000, 1e308)));
  x[30'001] = NAN;
  x[39'999] = INFINITY;
  throws_at("X", 15'000, fit({}, weight));
  x[30'001] = 1.0;
  throws_at("X", 19'999, fit({}, weight));
  x[39'999] = 1e160;  // finite, but its square is not
  throws_at("X", -1, fit({}, weight));
  x[39'999] = 1e150;
  throws_at("X", -1, fit({}, std::vector<double>(20'000, 1e5)));
}

}  // namespace
}  // namespace tenure::segment
