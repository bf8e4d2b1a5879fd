#pragma once
#include <cstdint>

#include "kmeans_block.hpp"

namespace tenure::segment::detail {

/// The inner loops compiled for this machine.
template <class T>
struct Kernels {
  AssignOutcome (*assign)(const AssignTask<T>& task, std::int64_t first, std::int64_t last);
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
