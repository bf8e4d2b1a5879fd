#pragma once
#include <cstdint>

#include "kmeans_assign_block.hpp"
#include "kmeans_seed_block.hpp"
#include "kmeans_sum_block.hpp"

namespace tenure::segment::detail {

/// The inner loops compiled for this machine. Each exists once in a width, so that whoever calls it
/// gets the same bits.
template <class T>
struct Kernels {
  AssignOutcome (*assign)(const AssignTask<T>& task, std::int64_t base, std::int64_t first,
                          std::int64_t last, Change* change);
  AssignOutcome (*assign_with_gap)(const AssignTask<T>& task, std::int64_t base,
                                   const std::int32_t* list, std::int64_t first, std::int64_t last,
                                   Change* change);
  AssignOutcome (*assign_near)(const AssignTask<T>& task, const Neighbours<T>& neighbours,
                               std::int32_t own, std::int64_t base, const std::int32_t* list,
                               std::int64_t count, Change* change);
  void (*sum)(const Rows<T>& rows, const std::int32_t* label, std::int64_t first, std::int64_t last,
              const Sums& to);
  void (*move)(const Rows<T>& rows, std::int64_t base, const Change* change, std::int64_t count,
               const Sums& to);
  double (*inertia)(const Rows<T>& rows, const std::int32_t* label, const T* centre,
                    std::int64_t first, std::int64_t last);
  std::int64_t (*stale)(const std::int32_t* label, const T* loss, T margin, std::int64_t first,
                        std::int64_t last, T* gap, std::int32_t* list);
  void (*seed)(const SeedTask<T>& task, std::int64_t first, std::int64_t last, double* potential);
};
template <class T>
Kernels<T> kernels();

/// Both add to eight lanes of sums by feature, row r of the range to lane r % 8: the values and the
/// greatest absolute value; the deviations from `centre` (which repeats the features eight times)
/// and their squares. A NaN shows in the sums.
void add_totals(const float* values, std::int64_t rows, std::int64_t features, double* sum,
                double* peak);
void add_totals(const double* values, std::int64_t rows, std::int64_t features, double* sum,
                double* peak);
void add_moments(const float* values, std::int64_t rows, std::int64_t features,
                 const double* centre, double* sum, double* square);
void add_moments(const double* values, std::int64_t rows, std::int64_t features,
                 const double* centre, double* sum, double* square);

/// Euclidean distances of rows to centres given feature after feature (features x clusters).
void distances(const float* values, std::int64_t rows, std::int64_t features, const float* centre,
               std::int64_t clusters, float* out);
void distances(const double* values, std::int64_t rows, std::int64_t features, const double* centre,
               std::int64_t clusters, double* out);

}  // namespace tenure::segment::detail
