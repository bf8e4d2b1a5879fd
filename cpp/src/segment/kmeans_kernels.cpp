// Compiled with -O3 and -ffp-contract=fast: these loops live on arithmetic, and their bits are
// promised for one machine only.
#include "kmeans_kernels.hpp"

#include <cmath>

#include "tenure/support/clones.hpp"

namespace tenure::segment::detail {
namespace {

template <class T>
struct Of16 {
  static AssignOutcome assign(const AssignTask<T>& task, std::int64_t base, std::int64_t first,
                              std::int64_t last, Change* change) {
    return assign_rows<T, 16, false>(task, base, nullptr, first, last, change);
  }
  static AssignOutcome assign_with_gap(const AssignTask<T>& task, std::int64_t base,
                                       const std::int32_t* list, std::int64_t first,
                                       std::int64_t last, Change* change) {
    return assign_rows<T, 16, true>(task, base, list, first, last, change);
  }
  static AssignOutcome near(const AssignTask<T>& task, const Neighbours<T>& neighbours,
                            std::int32_t own, std::int64_t base, const std::int32_t* list,
                            std::int64_t count, Change* change) {
    return assign_near<T, 16>(task, neighbours, own, base, list, count, change);
  }
  static void sum(const Rows<T>& rows, const std::int32_t* label, std::int64_t first,
                  std::int64_t last, const Sums& to) {
    sum_rows<T, 16>(rows, label, first, last, to);
  }
  static void move(const Rows<T>& rows, std::int64_t base, const Change* change, std::int64_t count,
                   const Sums& to) {
    move_rows<T, 16>(rows, base, change, count, to);
  }
  static double inertia(const Rows<T>& rows, const std::int32_t* label, const T* centre,
                        std::int64_t first, std::int64_t last) {
    return inertia_of<T, 16>(rows, label, centre, first, last);
  }
  static std::int64_t list_stale(const std::int32_t* label, const T* loss, T margin,
                                 std::int64_t first, std::int64_t last, T* gap,
                                 std::int32_t* list) {
    return stale(label, loss, margin, first, last, gap, list);
  }
  static void seed(const SeedTask<T>& task, std::int64_t first, std::int64_t last,
                   double* potential) {
    seed_rows<T, 16>(task, first, last, potential);
  }
};

#if defined(__x86_64__)
// Not target_clones: the width of a vector must be known when the template is instantiated.
template <class T>
struct Of32 {
  [[gnu::target("arch=x86-64-v3")]] static AssignOutcome assign(const AssignTask<T>& task,
                                                                std::int64_t base,
                                                                std::int64_t first,
                                                                std::int64_t last, Change* change) {
    return assign_rows<T, 32, false>(task, base, nullptr, first, last, change);
  }
  [[gnu::target("arch=x86-64-v3")]] static AssignOutcome assign_with_gap(
      const AssignTask<T>& task, std::int64_t base, const std::int32_t* list, std::int64_t first,
      std::int64_t last, Change* change) {
    return assign_rows<T, 32, true>(task, base, list, first, last, change);
  }
  [[gnu::target("arch=x86-64-v3")]] static AssignOutcome near(const AssignTask<T>& task,
                                                              const Neighbours<T>& neighbours,
                                                              std::int32_t own, std::int64_t base,
                                                              const std::int32_t* list,
                                                              std::int64_t count, Change* change) {
    return assign_near<T, 32>(task, neighbours, own, base, list, count, change);
  }
  [[gnu::target("arch=x86-64-v3")]] static void sum(const Rows<T>& rows, const std::int32_t* label,
                                                    std::int64_t first, std::int64_t last,
                                                    const Sums& to) {
    sum_rows<T, 32>(rows, label, first, last, to);
  }
  [[gnu::target("arch=x86-64-v3")]] static void move(const Rows<T>& rows, std::int64_t base,
                                                     const Change* change, std::int64_t count,
                                                     const Sums& to) {
    move_rows<T, 32>(rows, base, change, count, to);
  }
  [[gnu::target("arch=x86-64-v3")]] static double inertia(const Rows<T>& rows,
                                                          const std::int32_t* label,
                                                          const T* centre, std::int64_t first,
                                                          std::int64_t last) {
    return inertia_of<T, 32>(rows, label, centre, first, last);
  }
  [[gnu::target("arch=x86-64-v3")]] static std::int64_t list_stale(const std::int32_t* label,
                                                                   const T* loss, T margin,
                                                                   std::int64_t first,
                                                                   std::int64_t last, T* gap,
                                                                   std::int32_t* list) {
    return stale(label, loss, margin, first, last, gap, list);
  }
  [[gnu::target("arch=x86-64-v3")]] static void seed(const SeedTask<T>& task, std::int64_t first,
                                                     std::int64_t last, double* potential) {
    seed_rows<T, 32>(task, first, last, potential);
  }
};

template <class T>
struct Of64 {
  [[gnu::target("arch=x86-64-v4")]] static AssignOutcome assign(const AssignTask<T>& task,
                                                                std::int64_t base,
                                                                std::int64_t first,
                                                                std::int64_t last, Change* change) {
    return assign_rows<T, 64, false>(task, base, nullptr, first, last, change);
  }
  [[gnu::target("arch=x86-64-v4")]] static AssignOutcome assign_with_gap(
      const AssignTask<T>& task, std::int64_t base, const std::int32_t* list, std::int64_t first,
      std::int64_t last, Change* change) {
    return assign_rows<T, 64, true>(task, base, list, first, last, change);
  }
  [[gnu::target("arch=x86-64-v4")]] static AssignOutcome near(const AssignTask<T>& task,
                                                              const Neighbours<T>& neighbours,
                                                              std::int32_t own, std::int64_t base,
                                                              const std::int32_t* list,
                                                              std::int64_t count, Change* change) {
    return assign_near<T, 64>(task, neighbours, own, base, list, count, change);
  }
  [[gnu::target("arch=x86-64-v4")]] static void sum(const Rows<T>& rows, const std::int32_t* label,
                                                    std::int64_t first, std::int64_t last,
                                                    const Sums& to) {
    sum_rows<T, 64>(rows, label, first, last, to);
  }
  [[gnu::target("arch=x86-64-v4")]] static void move(const Rows<T>& rows, std::int64_t base,
                                                     const Change* change, std::int64_t count,
                                                     const Sums& to) {
    move_rows<T, 64>(rows, base, change, count, to);
  }
  [[gnu::target("arch=x86-64-v4")]] static double inertia(const Rows<T>& rows,
                                                          const std::int32_t* label,
                                                          const T* centre, std::int64_t first,
                                                          std::int64_t last) {
    return inertia_of<T, 64>(rows, label, centre, first, last);
  }
  [[gnu::target("arch=x86-64-v4")]] static std::int64_t list_stale(const std::int32_t* label,
                                                                   const T* loss, T margin,
                                                                   std::int64_t first,
                                                                   std::int64_t last, T* gap,
                                                                   std::int32_t* list) {
    return stale(label, loss, margin, first, last, gap, list);
  }
  [[gnu::target("arch=x86-64-v4")]] static void seed(const SeedTask<T>& task, std::int64_t first,
                                                     std::int64_t last, double* potential) {
    seed_rows<T, 64>(task, first, last, potential);
  }
};
#endif

template <class Width, class T>
constexpr Kernels<T> kernels_of() {
  return {&Width::assign, &Width::assign_with_gap, &Width::near,       &Width::sum,
          &Width::move,   &Width::inertia,         &Width::list_stale, &Width::seed};
}

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
  if (__builtin_cpu_supports("x86-64-v4")) return kernels_of<Of64<T>, T>();
  if (__builtin_cpu_supports("x86-64-v3")) return kernels_of<Of32<T>, T>();
#endif
  return kernels_of<Of16<T>, T>();
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
