// The inner loops for every register width, also those that this machine would not pick: compiled
// for the baseline, where the compiler splits wide vectors.
#include "../../../cpp/src/segment/kmeans_block.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/support/random.hpp"

namespace tenure::segment::detail {
namespace {

template <class T>
struct Case {
  std::int64_t n, d, k;
  std::vector<T> x, shift, centre, packed, half_norm, aligned;
  std::vector<double> weight;

  Case(std::int64_t rows, std::int64_t features, std::int64_t clusters)
      : n(rows),
        d(features),
        k(clusters),
        shift(padded(features)),
        half_norm(clusters),
        aligned(clusters * padded(features)) {
    RandomStream random(1, static_cast<std::uint64_t>(rows * 100 + features * 10 + clusters));
    for (std::int64_t i = 0; i < n * d; ++i) x.push_back(static_cast<T>(random.normal()));
    for (std::int64_t i = 0; i < n; ++i) weight.push_back(random.uniform());
    for (std::int64_t j = 0; j < d; ++j) shift[j] = static_cast<T>(random.normal());
    for (std::int64_t i = 0; i < k * d; ++i) centre.push_back(static_cast<T>(random.normal()));
    packed = pack_centres(centre, k, d);
    for (std::int64_t c = 0; c < k; ++c)
      for (std::int64_t j = 0; j < d; ++j) {
        half_norm[c] += centre[c * d + j] * centre[c * d + j] / 2;
        aligned[c * padded(d) + j] = centre[c * d + j] + shift[j];
      }
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

template <class T, int Bytes>
void assigns_sums_and_measures() {
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  for (const std::int64_t d : {1, 2, 3, 4, 6, 9})
    for (const std::int64_t k : {1, 2, 3, 4, 5, 6, 9})
      for (const std::int64_t n : {1, 5, 31, 64, 65, 130})
        for (const bool weighted : {false, true}) {
          const Case<T> of(n, d, k);
          std::vector<std::int32_t> label(n, -1);
          std::vector<double> sum(k * padded(d)), weight(k);
          std::vector<std::int64_t> positive(k);
          const AssignTask<T> task{
              of.rows(weighted), k,          of.packed.data(), of.half_norm.data(),
              label.data(),      sum.data(), weight.data(),    positive.data(),
              of.aligned.data()};
          // In two pieces, as a block may be cut.
          const std::int64_t cut = std::min<std::int64_t>(64, n);
          AssignOutcome found = assign_rows<T, Bytes>(task, 0, cut);
          const AssignOutcome rest = assign_rows<T, Bytes>(task, cut, n);
          EXPECT_EQ(found.changed + rest.changed, n);
          EXPECT_EQ((assign_rows<T, Bytes>(
                         {of.rows(weighted), k, task.packed, task.half_norm, label.data()}, 0, n)
                         .changed),
                    0);

          double inertia = 0;
          std::vector<double> expected(k * d);
          std::vector<std::int64_t> members(k);
          for (std::int64_t i = 0; i < n; ++i) {
            const double own = of.squared(i, &of.centre[label[i] * d]);
            for (std::int64_t c = 0; c < k; ++c)
              ASSERT_LE(own, of.squared(i, &of.centre[c * d]) + tolerance * 10);
            const double w = weighted ? of.weight[i] : 1.0;
            inertia += w * own;
            ++members[label[i]];
            for (std::int64_t j = 0; j < d; ++j)
              expected[label[i] * d + j] += w * static_cast<double>(of.x[i * d + j] - of.shift[j]);
          }
          ASSERT_NEAR(found.inertia + rest.inertia, inertia, tolerance * (1 + inertia));
          ASSERT_EQ(positive, members);
          for (std::int64_t c = 0; c < k; ++c)
            for (std::int64_t j = 0; j < d; ++j)
              ASSERT_NEAR(sum[c * padded(d) + j], expected[c * d + j], 1e-12);
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
          std::vector<T> closest(n + 64, static_cast<T>(2));
          std::vector<double> potential(k - update);
          const SeedTask<T> task{of.rows(true),    update,         k - update,
                                 of.packed.data(), closest.data(), 0.5};
          seed_rows<T, Bytes>(task, 0, n, potential.data());
          for (std::int64_t c = update; c < k; ++c) {
            double expected = 0;
            for (std::int64_t i = 0; i < n; ++i) {
              double nearest = std::min(2.0, of.squared(i, &of.centre[c * d]));
              if (update) nearest = std::min(nearest, of.squared(i, &of.centre[0]));
              expected += 0.5 * of.weight[i] * nearest;
            }
            ASSERT_NEAR(potential[c - update], expected, tolerance * (1 + expected));
          }
          for (std::int64_t i = 0; i < n; ++i)
            ASSERT_NEAR(closest[i], update ? std::min(2.0, of.squared(i, &of.centre[0])) : 2.0,
                        tolerance * 10);
        }
}
TYPED_TEST(Blocks, MeasureInRegistersOf16Bytes) { measures_candidates<TypeParam, 16>(); }
TYPED_TEST(Blocks, MeasureInRegistersOf32Bytes) { measures_candidates<TypeParam, 32>(); }
TYPED_TEST(Blocks, MeasureInRegistersOf64Bytes) { measures_candidates<TypeParam, 64>(); }

}  // namespace
}  // namespace tenure::segment::detail
