#include "tenure/segment/silhouette.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

using Labels = std::vector<std::int32_t>;

struct Sample {
  std::vector<double> x;
  Labels label;
  std::int64_t clusters, features;

  Points<double> points() const { return {x, features}; }
  Labelling labelling() const { return {label, clusters}; }
};

Sample draw(std::int64_t rows, std::int64_t features, std::int64_t clusters, std::uint64_t seed) {
  Sample s{{}, {}, clusters, features};
  for (std::int64_t i = 0; i < rows; ++i) {
    RandomStream row(seed, static_cast<std::uint64_t>(i));
    const auto c = i < clusters ? i : static_cast<std::int64_t>(row.below(clusters));
    s.label.push_back(static_cast<std::int32_t>(c));
    for (std::int64_t j = 0; j < features; ++j)
      s.x.push_back(row.normal() + 1.5 * static_cast<double>(c * (j % 3)));
  }
  return s;
}

/// The definition with a weight for each row, in long double; its mean over `of`, or over all.
long double weighted_mean(const Sample& s, const std::vector<long double>& w, std::int32_t of) {
  const auto n = std::ssize(s.label);
  long double sum = 0, weight = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (of >= 0 && s.label[i] != of) continue;
    std::vector<long double> total(s.clusters), count(s.clusters);
    for (std::int64_t l = 0; l < n; ++l) {
      if (l == i) continue;
      long double square = 0;
      for (std::int64_t j = 0; j < s.features; ++j) {
        const long double gap =
            static_cast<long double>(s.x[i * s.features + j]) - s.x[l * s.features + j];
        square += gap * gap;
      }
      total[s.label[l]] += w[l] * std::sqrt(square);
      count[s.label[l]] += w[l];
    }
    long double a = 0, b = INFINITY;
    for (std::int32_t c = 0; c < s.clusters; ++c)
      (c == s.label[i] ? a : b) = c == s.label[i] ? (count[c] > 0 ? total[c] / count[c] : 0)
                                                  : std::min(b, total[c] / count[c]);
    const bool alone = count[s.label[i]] == 0;
    const long double larger = std::max(a, b);
    sum += w[i] * (alone || larger == 0 ? 0 : (b - a) / larger);
    weight += w[i];
  }
  return sum / weight;
}

long double jackknife(const Sample& s, std::int32_t of) {
  const auto n = std::ssize(s.label);
  std::int64_t count = 0;
  long double square = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    count += of < 0 || s.label[j] == of;
    std::vector<long double> w(n, 1.0L);
    w[j] = 1.0L + 1e-6L;
    const long double up = weighted_mean(s, w, of);
    w[j] = 1.0L - 1e-6L;
    const long double slope = (up - weighted_mean(s, w, of)) / 2e-6L;
    square += slope * slope;
  }
  return std::sqrt(square * count / (count - 1));
}

TEST(Silhouette, IsTheDefinitionOnShapesAroundTheTiles) {
  for (const std::int64_t n : {2, 3, 15, 16, 17, 33, 127, 128, 129, 300})
    for (const std::int64_t d : {1, 2, 5, 8}) {
      const Sample s = draw(n, d, std::min<std::int64_t>(n, 3), 5);
      const Silhouette found = silhouette(s.points(), s.labelling(), false, {});
      const std::vector<long double> ones(n, 1.0L);
      EXPECT_NEAR(found.mean, weighted_mean(s, ones, -1), 1e-14) << n << " x " << d;
      for (std::int32_t c = 0; c < s.clusters; ++c)
        EXPECT_NEAR(found.cluster_mean[c], weighted_mean(s, ones, c), 1e-13);
    }
}

TEST(Silhouette, ByHand) {
  // Two pairs on a line: a = 1 and 1, b = 9.5 and 8.5, ...
  const std::vector<double> x{0, 1, 9, 10};
  const Labels label{0, 0, 1, 1};
  const Silhouette found = silhouette(Points<double>{x, 1}, {label, 2}, false, {});
  EXPECT_DOUBLE_EQ(found.value[0], 1 - 1 / 9.5);
  EXPECT_DOUBLE_EQ(found.value[1], 1 - 1 / 8.5);
  EXPECT_EQ(found.neighbour[0], 1);
  EXPECT_EQ(found.neighbour[3], 0);
  // To the centres, 0.5 and 9.5.
  const Silhouette simple = simplified_silhouette(Points<double>{x, 1}, {label, 2}, {});
  EXPECT_DOUBLE_EQ(simple.value[0], 1 - 0.5 / 9.5);
  EXPECT_DOUBLE_EQ(simple.value[1], 1 - 0.5 / 8.5);
}

TEST(Silhouette, RowsAloneAndEqualRowsHaveZero) {
  const std::vector<double> x{0, 5, 6, 7};
  const Labels label{0, 1, 1, 1};
  EXPECT_EQ(silhouette(Points<double>{x, 1}, {label, 2}, true, {}).value[0], 0.0);
  const std::vector<double> same{3, 3, 3, 3};
  const Silhouette flat = silhouette(Points<double>{same, 1}, {label, 2}, true, {});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(flat.value[i], 0.0);
  EXPECT_EQ(flat.error, 0.0);
  EXPECT_TRUE(std::isnan(flat.cluster_error[0]));
}

TEST(Silhouette, TheErrorIsThatOfDerivativesTakenByDifferences) {
  for (const std::int64_t n : {5, 20, 45})
    for (const std::int64_t k : {2, 4}) {
      const Sample s = draw(n, 2, k, 11);
      const Silhouette found = silhouette(s.points(), s.labelling(), true, {});
      EXPECT_NEAR(found.error / jackknife(s, -1), 1.0, 1e-7) << n << ", " << k;
      for (std::int32_t c = 0; c < k; ++c) {
        if (std::ranges::count(s.label, c) == 1) continue;
        EXPECT_NEAR(found.cluster_error[c] / jackknife(s, c), 1.0, 1e-7) << n << ", " << c;
      }
    }
}

TEST(Silhouette, NoThreadCountChangesABit) {
  const Sample s = draw(3000, 6, 4, 3);
  const Silhouette one = silhouette(s.points(), s.labelling(), true, {1});
  for (const int threads : {2, 5}) {
    const Silhouette many = silhouette(s.points(), s.labelling(), true, {threads});
    EXPECT_TRUE(std::ranges::equal(one.value.span(), many.value.span()));
    EXPECT_EQ(one.error, many.error);
    EXPECT_EQ(one.cluster_error, many.cluster_error);
  }
}

TEST(Silhouette, HoldsFromTheLeastToTheGreatestNumbers) {
  const Sample s = draw(40, 2, 2, 9);
  const double mean = silhouette(s.points(), s.labelling(), false, {}).mean;
  for (const int power : {-1000, -600, 600, 1018}) {
    Sample scaled = s;
    for (double& x : scaled.x) x = std::ldexp(x, power);
    EXPECT_NEAR(silhouette(scaled.points(), s.labelling(), false, {}).mean, mean, 1e-13) << power;
  }
}

TEST(Silhouette, NamesWhatIsWrong) {
  std::vector<double> x{0, 1, 2, 3};
  const auto refused = [&](Labels label, std::int64_t clusters, const char* argument) {
    try {
      silhouette(Points<double>{x, 1}, {label, clusters}, false, {});
      ADD_FAILURE() << "not refused";
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.argument(), argument);
      return e.row();
    }
    return std::int64_t{-2};
  };
  EXPECT_EQ(refused({0, 0, 0, 0}, 1, "labels"), -1);
  EXPECT_EQ(refused({0, 0, 2, 1}, 2, "labels"), 2);
  EXPECT_EQ(refused({0, -1, 0, 1}, 2, "labels"), 1);
  EXPECT_EQ(refused({0, 0, 2, 2}, 3, "labels"), -1);
  EXPECT_EQ(refused({0, 1}, 2, "labels"), -1);
  x[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refused({0, 0, 1, 1}, 2, "X"), 3);
}

}  // namespace
}  // namespace tenure::segment
