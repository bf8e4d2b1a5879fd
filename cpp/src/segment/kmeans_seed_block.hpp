#pragma once
#include <limits>

#include "kmeans_block.hpp"

// One round of seeding, inlined like kmeans_block.hpp.
namespace tenure::segment::detail {

/// One round of k-means++: closest = min(closest, distance to the last seed), and for each
/// candidate the sum of weight x min(closest, distance to it), distances squared.
template <class T>
struct SeedTask {
  Rows<T> rows;
  bool update;              ///< the first of the packed points is the last seed, not a candidate
  std::int64_t candidates;  ///< without the last seed
  const T* packed;          ///< shifted, see pack_centres
  T* closest;               ///< by row
  double weight_scale;      ///< brings weights to at most 1, so that they stay in the range of T
};

/// Adds to `potential` (one a candidate). Sums are taken in T over 16 tiles, then in double.
template <class T, int Bytes>
[[gnu::always_inline]] inline void seed_rows(const SeedTask<T>& task, std::int64_t first,
                                             std::int64_t last, double* potential) {
  using Value = typename Register<T, Bytes>::Value;
  constexpr int P = Tile<T, Bytes>::P;
  constexpr int W = P / kVectors;
  const std::int64_t d = task.rows.features;
  const double* const weight = task.rows.weight;
  Tile<T, Bytes> tile(task.rows);
  alignas(64) T w[P];
  alignas(64) T kept[P]{};
  struct Partial {
    Value lanes;
  };
  std::vector<Partial> partial(static_cast<std::size_t>(task.candidates), Partial{});

  const auto flush = [&]() __attribute__((always_inline)) {
    for (std::int64_t c = 0; c < task.candidates; ++c) {
      Value& lanes = partial[static_cast<std::size_t>(c)].lanes;
      for (int i = 0; i < W; ++i) potential[c] += static_cast<double>(lanes[i]);
      lanes = Value{};
    }
  };
  int tiles = 0;
  for (std::int64_t row = first; row < last; row += P) {
    const std::int64_t n = std::min<std::int64_t>(P, last - row);
    tile.load(row, n);
    for (int p = 0; p < P; ++p)
      w[p] = p < n ? (weight ? static_cast<T>(weight[row + p] * task.weight_scale) : T{1}) : T{0};
    // Lanes behind the last row are rows of another block, which another thread may be at.
    std::copy_n(task.closest + row, n, kept);
    Value mass[kVectors], nearest[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      mass[v] = *reinterpret_cast<const Value*>(w + v * W);
      nearest[v] = *reinterpret_cast<const Value*>(kept + v * W);
    }
    in_groups(task.candidates + task.update,
              [&]<int C>(std::integral_constant<int, C>, std::int64_t first_point)
                  __attribute__((always_inline)) {
                    Value to[C][kVectors];
                    const T* const packed = task.packed + first_point * d;
                    score<T, Bytes, C, true>(
                        tile.data(),
                        [&](std::int64_t j, int c)
                            __attribute__((always_inline)) { return packed[j * C + c]; },
                        static_cast<const T*>(nullptr), d, to);
                    for (int m = 0; m < C; ++m) {
                      const std::int64_t candidate = first_point + m - task.update;
                      for (int v = 0; v < kVectors; ++v) {
                        const Value near = to[m][v] < nearest[v] ? to[m][v] : nearest[v];
                        if (candidate >= 0)
                          partial[static_cast<std::size_t>(candidate)].lanes += near * mass[v];
                        else
                          nearest[v] = near;
                      }
                    }
                  });
    for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Value*>(kept + v * W) = nearest[v];
    if (task.update) std::copy_n(kept, n, task.closest + row);
    if (++tiles % 16 == 0) flush();
  }
  flush();
}

}  // namespace tenure::segment::detail
