// Compiled with -O3 and -ffp-contract=fast: these loops live on arithmetic, and their bits are
// promised for one machine only.
#include "kmeans_kernels.hpp"

#include <cmath>

#include "tenure/support/clones.hpp"

namespace tenure::segment::detail {
namespace {

template <class T>
AssignOutcome assign_16(const AssignTask<T>& task, std::int64_t first, std::int64_t last) {
  return assign_rows<T, 16>(task, first, last);
}
template <class T>
void seed_16(const SeedTask<T>& task, std::int64_t first, std::int64_t last, double* potential) {
  seed_rows<T, 16>(task, first, last, potential);
}

#if defined(__x86_64__)
// Not target_clones: the width of a vector must be known when the template is instantiated.
template <class T>
[[gnu::target("arch=x86-64-v3")]] AssignOutcome assign_32(const AssignTask<T>& task,
                                                          std::int64_t first, std::int64_t last) {
  return assign_rows<T, 32>(task, first, last);
}
template <class T>
[[gnu::target("arch=x86-64-v3")]] void seed_32(const SeedTask<T>& task, std::int64_t first,
                                               std::int64_t last, double* potential) {
  seed_rows<T, 32>(task, first, last, potential);
}
template <class T>
[[gnu::target("arch=x86-64-v4")]] AssignOutcome assign_64(const AssignTask<T>& task,
                                                          std::int64_t first, std::int64_t last) {
  return assign_rows<T, 64>(task, first, last);
}
template <class T>
[[gnu::target("arch=x86-64-v4")]] void seed_64(const SeedTask<T>& task, std::int64_t first,
                                               std::int64_t last, double* potential) {
  seed_rows<T, 64>(task, first, last, potential);
}
#endif

template <class T>
[[gnu::always_inline]] inline void totals(const T* values, std::int64_t rows, std::int64_t features,
                                          double* sum, double* peak) {
  const std::int64_t lanes = 8 * features;
  for (std::int64_t i = 0; i < rows * features; i += lanes) {
    const std::int64_t n = std::min(lanes, rows * features - i);
    for (std::int64_t l = 0; l < n; ++l) {
      const auto x = static_cast<double>(values[i + l]);
      sum[l] += x;
      peak[l] = std::abs(x) > peak[l] ? std::abs(x) : peak[l];
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void moments(const T* values, std::int64_t rows,
                                           std::int64_t features, const double* centre, double* sum,
                                           double* square) {
  const std::int64_t lanes = 8 * features;
  for (std::int64_t i = 0; i < rows * features; i += lanes) {
    const std::int64_t n = std::min(lanes, rows * features - i);
    for (std::int64_t l = 0; l < n; ++l) {
      const double d = static_cast<double>(values[i + l]) - centre[l];
      sum[l] += d;
      square[l] += d * d;
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void all_distances(const T* values, std::int64_t rows,
                                                 std::int64_t features, const T* centre,
                                                 std::int64_t clusters, T* out) {
  for (std::int64_t i = 0; i < rows; ++i, out += clusters) {
    for (std::int64_t c = 0; c < clusters; ++c) out[c] = T{0};
    for (std::int64_t j = 0; j < features; ++j) {
      const T x = values[i * features + j];
      const T* const of = centre + j * clusters;
      for (std::int64_t c = 0; c < clusters; ++c) out[c] += (x - of[c]) * (x - of[c]);
    }
    for (std::int64_t c = 0; c < clusters; ++c) out[c] = std::sqrt(out[c]);
  }
}

}  // namespace

template <class T>
Kernels<T> kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return {assign_64<T>, seed_64<T>};
  if (__builtin_cpu_supports("x86-64-v3")) return {assign_32<T>, seed_32<T>};
#endif
  return {assign_16<T>, seed_16<T>};
}
template Kernels<float> kernels<float>();
template Kernels<double> kernels<double>();

TENURE_CLONES void add_totals(const float* values, std::int64_t rows, std::int64_t features,
                              double* sum, double* peak) {
  totals(values, rows, features, sum, peak);
}
TENURE_CLONES void add_totals(const double* values, std::int64_t rows, std::int64_t features,
                              double* sum, double* peak) {
  totals(values, rows, features, sum, peak);
}
TENURE_CLONES void add_moments(const float* values, std::int64_t rows, std::int64_t features,
                               const double* centre, double* sum, double* square) {
  moments(values, rows, features, centre, sum, square);
}
TENURE_CLONES void add_moments(const double* values, std::int64_t rows, std::int64_t features,
                               const double* centre, double* sum, double* square) {
  moments(values, rows, features, centre, sum, square);
}
TENURE_CLONES void distances(const float* values, std::int64_t rows, std::int64_t features,
                             const float* centre, std::int64_t clusters, float* out) {
  all_distances(values, rows, features, centre, clusters, out);
}
TENURE_CLONES void distances(const double* values, std::int64_t rows, std::int64_t features,
                             const double* centre, std::int64_t clusters, double* out) {
  all_distances(values, rows, features, centre, clusters, out);
}

}  // namespace tenure::segment::detail
