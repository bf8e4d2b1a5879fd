// Compiled with -O3 and -ffp-contract=fast: this loop lives on arithmetic, and its bits are
// promised for one machine only.
#include "silhouette_kernels.hpp"

#include <cmath>

namespace tenure::segment::detail {
namespace {

template <int Bytes>
struct Wide {
  typedef double Value __attribute__((vector_size(Bytes), aligned(Bytes), may_alias));
};

/// `Sources` at a time share the loads of the tile.
template <int Bytes, int Sources>
[[gnu::always_inline]] inline void add(const double* tile, std::int64_t features,
                                       const double* source, const double* weight,
                                       typename Wide<Bytes>::Value* sum) {
  using V = typename Wide<Bytes>::Value;
  constexpr int kVectors = static_cast<int>(kSilhouetteRows * sizeof(double)) / Bytes;
  V square[Sources][kVectors];
  for (int s = 0; s < Sources; ++s)
    for (int v = 0; v < kVectors; ++v) square[s][v] = V{};
  for (std::int64_t j = 0; j < features; ++j) {
    const V* const row = reinterpret_cast<const V*>(tile + j * kSilhouetteRows);
    for (int s = 0; s < Sources; ++s) {
      const double x = source[s * features + j];
      for (int v = 0; v < kVectors; ++v) {
        const V gap = row[v] - x;
        square[s][v] += gap * gap;
      }
    }
  }
  // By way of memory: the compiler takes the roots of a plain array by whole vectors, but those of
  // a vector one by one.
  alignas(64) double distance[Sources * kSilhouetteRows];
  V* const whole = reinterpret_cast<V*>(distance);
  for (int s = 0; s < Sources; ++s)
    for (int v = 0; v < kVectors; ++v) whole[s * kVectors + v] = square[s][v];
  for (double& x : distance) x = std::sqrt(x);
  for (int s = 0; s < Sources; ++s)
    for (int v = 0; v < kVectors; ++v) sum[v] += weight[s] * whole[s * kVectors + v];
}

template <int Bytes, int Sources>
[[gnu::always_inline]] inline void sum_all(const double* tile, std::int64_t features,
                                           const double* source, const double* weight,
                                           std::int64_t count, double* out) {
  using V = typename Wide<Bytes>::Value;
  constexpr int kVectors = static_cast<int>(kSilhouetteRows * sizeof(double)) / Bytes;
  V sum[kVectors];
  for (int v = 0; v < kVectors; ++v) sum[v] = V{};
  std::int64_t s = 0;
  for (; s + Sources <= count; s += Sources)
    add<Bytes, Sources>(tile, features, source + s * features, weight + s, sum);
  for (; s < count; ++s) add<Bytes, 1>(tile, features, source + s * features, weight + s, sum);
  for (std::int64_t r = 0; r < kSilhouetteRows; ++r) {
    constexpr std::int64_t kLanes = Bytes / static_cast<int>(sizeof(double));
    out[r] = sum[r / kLanes][r % kLanes];
  }
}

void sum_16(const double* tile, std::int64_t features, const double* source, const double* weight,
            std::int64_t count, double* sum) {
  sum_all<16, 1>(tile, features, source, weight, count, sum);
}

#if defined(__x86_64__)
[[gnu::target("arch=x86-64-v3")]] void sum_32(const double* tile, std::int64_t features,
                                              const double* source, const double* weight,
                                              std::int64_t count, double* sum) {
  sum_all<32, 2>(tile, features, source, weight, count, sum);
}
[[gnu::target("arch=x86-64-v4")]] void sum_64(const double* tile, std::int64_t features,
                                              const double* source, const double* weight,
                                              std::int64_t count, double* sum) {
  sum_all<64, 4>(tile, features, source, weight, count, sum);
}
#endif

}  // namespace

SumDistances sum_distances() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return sum_64;
  if (__builtin_cpu_supports("x86-64-v3")) return sum_32;
#endif
  return sum_16;
}

}  // namespace tenure::segment::detail
