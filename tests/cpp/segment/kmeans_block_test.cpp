// The inner loops for every register width, also those that this machine would not pick: compiled
// for the baseline, where the compiler splits wide vectors.
#include <gtest/gtest.h>

#include <cmath>

#include "../../../cpp/src/segment/kmeans_seed_block.hpp"
#include "../../../cpp/src/segment/kmeans_sum_block.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment::detail {
namespace {

template <class T>
struct Case {
  std::int64_t n, d, k;
  std::vector<T> x, shift, plain, packed, half_norm, unshifted;
  std::vector<double> weight;

  Case(std::int64_t rows, std::int64_t features, std::int64_t clusters)
      : n(rows), d(features), k(clusters), shift(padded(features)), half_norm(clusters) {
    RandomStream random(1, static_cast<std::uint64_t>(rows * 100 + features * 10 + clusters));
    for (std::int64_t i = 0; i < n * d; ++i) x.push_back(static_cast<T>(random.normal()));
    for (std::int64_t i = 0; i < n; ++i) weight.push_back(random.uniform());
    for (std::int64_t j = 0; j < d; ++j) shift[j] = static_cast<T>(random.normal());
    for (std::int64_t i = 0; i < k * d; ++i) plain.push_back(static_cast<T>(random.normal()));
    packed = pack_centres(plain, k, d);
    for (std::int64_t c = 0; c < k; ++c)
      for (std::int64_t j = 0; j < d; ++j) {
        half_norm[c] += plain[c * d + j] * plain[c * d + j] / 2;
        unshifted.push_back(plain[c * d + j] + shift[j]);
      }
    plain.resize(plain.size() + d);
    half_norm.push_back(std::numeric_limits<T>::infinity());
  }
  Rows<T> rows(bool weighted) const {
    return {x.data(), n, d, shift.data(), weighted ? weight.data() : nullptr};
  }
  double squared(std::int64_t row, const T* shifted_centre) const {
    double sum = 0;
    for (std::int64_t j = 0; j < d; ++j)
      sum += std::pow(static_cast<double>(x[row * d + j] - shift[j]) - shifted_centre[j], 2);
    return sum;
  }
};

template <class T>
class Blocks : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Blocks, Types);

// Inlined once, not wherever it is called: three widths of two types make a compiler sweat.
template <class T, int Bytes>
[[gnu::noinline]] AssignOutcome assign(const AssignTask<T>& task, std::int64_t first,
                                       std::int64_t last, Change* change) {
  return assign_rows<T, Bytes, false>(task, 0, nullptr, first, last, change);
}

template <class T, int Bytes>
void assigns_sums_and_measures() {
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  for (const std::int64_t d : {1, 2, 3, 4, 6, 9})
    for (const std::int64_t k : {1, 2, 3, 4, 5, 6, 9})
      for (const std::int64_t n : {1, 5, 31, 48, 49, 130})
        for (const bool weighted : {false, true}) {
          const Case<T> of(n, d, k);
          std::vector<std::int32_t> label(n, -1);
          std::vector<double> sum(k * padded(d)), weight(k);
          std::vector<std::int64_t> positive(k);
          std::vector<Change> change(n + 1);
          const AssignTask<T> task{of.rows(weighted),   k,
                                   of.packed.data(),    of.plain.data(),
                                   of.half_norm.data(), label.data()};
          // In two pieces, as a block may be cut.
          const std::int64_t cut = std::min<std::int64_t>(48, n);
          const auto found = assign<T, Bytes>(task, 0, cut, change.data());
          const auto rest = assign<T, Bytes>(task, cut, n, change.data());
          EXPECT_EQ(found.changed + rest.changed, n);
          EXPECT_EQ((assign<T, Bytes>(task, 0, n, change.data()).changed), 0);
          const Sums sums{sum.data(), weight.data(), positive.data()};
          sum_rows<T, Bytes>(task.rows, label.data(), 0, cut, sums);
          sum_rows<T, Bytes>(task.rows, label.data(), cut, n, sums);

          double inertia = 0;
          std::vector<double> expected(k * d);
          std::vector<std::int64_t> members(k);
          for (std::int64_t i = 0; i < n; ++i) {
            const double own = of.squared(i, &of.plain[label[i] * d]);
            for (std::int64_t c = 0; c < k; ++c)
              ASSERT_LE(own, of.squared(i, &of.plain[c * d]) + tolerance * 10);
            const double w = weighted ? of.weight[i] : 1.0;
            inertia += w * own;
            ++members[label[i]];
            for (std::int64_t j = 0; j < d; ++j)
              expected[label[i] * d + j] += w * static_cast<double>(of.x[i * d + j] - of.shift[j]);
          }
          ASSERT_NEAR((inertia_of<T, Bytes>(task.rows, label.data(), of.unshifted.data(), 0, n)),
                      inertia, tolerance * (1 + inertia));
          ASSERT_EQ(positive, members);
          for (std::int64_t c = 0; c < k; ++c)
            for (std::int64_t j = 0; j < d; ++j)
              ASSERT_NEAR(sum[c * padded(d) + j], expected[c * d + j], 1e-12);

          // All rows of one cluster to another, and their sums with them.
          change.clear();
          for (std::int64_t i = 0; i < n; ++i)
            if (label[i] == 0)
              change.push_back({static_cast<std::int32_t>(i), 0, static_cast<std::int32_t>(k - 1)});
          move_rows<T, Bytes>(task.rows, 0, change.data(), std::ssize(change), sums);
          if (k == 1) continue;
          ASSERT_EQ(positive[0], 0);
          ASSERT_EQ(positive[k - 1], members[0] + members[k - 1]);
          for (std::int64_t j = 0; j < d; ++j) {
            ASSERT_NEAR(sum[j], 0.0, 1e-12);
            ASSERT_NEAR(sum[(k - 1) * padded(d) + j], expected[j] + expected[(k - 1) * d + j],
                        1e-12);
          }
        }
}

TYPED_TEST(Blocks, AssignInRegistersOf16Bytes) { assigns_sums_and_measures<TypeParam, 16>(); }
TYPED_TEST(Blocks, AssignInRegistersOf32Bytes) { assigns_sums_and_measures<TypeParam, 32>(); }
TYPED_TEST(Blocks, AssignInRegistersOf64Bytes) { assigns_sums_and_measures<TypeParam, 64>(); }

template <class T, int Bytes>
void measures_candidates() {
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  for (const std::int64_t d : {1, 3, 4, 7})
    for (const std::int64_t k : {1, 2, 4, 5, 8})
      for (const std::int64_t n : {1, 31, 600})
        for (const bool update : {false, true}) {
          if (k == 1 && update) continue;
          const Case<T> of(n, d, k);
          std::vector<T> closest(n, static_cast<T>(2));
          std::vector<double> potential(k - update);
          const SeedTask<T> task{of.rows(true),    update,         k - update,
                                 of.packed.data(), closest.data(), 0.5};
          seed_rows<T, Bytes>(task, 0, n, potential.data());
          for (std::int64_t c = update; c < k; ++c) {
            double expected = 0;
            for (std::int64_t i = 0; i < n; ++i) {
              double nearest = std::min(2.0, of.squared(i, &of.plain[c * d]));
              if (update) nearest = std::min(nearest, of.squared(i, &of.plain[0]));
              expected += 0.5 * of.weight[i] * nearest;
            }
            ASSERT_NEAR(potential[c - update], expected, tolerance * (1 + expected));
          }
          for (std::int64_t i = 0; i < n; ++i)
            ASSERT_NEAR(closest[i], update ? std::min(2.0, of.squared(i, &of.plain[0])) : 2.0,
                        tolerance * 10);
        }
}
TYPED_TEST(Blocks, MeasureInRegistersOf16Bytes) { measures_candidates<TypeParam, 16>(); }
TYPED_TEST(Blocks, MeasureInRegistersOf32Bytes) { measures_candidates<TypeParam, 32>(); }
TYPED_TEST(Blocks, MeasureInRegistersOf64Bytes) { measures_candidates<TypeParam, 64>(); }

}  // namespace
}  // namespace tenure::segment::detail
