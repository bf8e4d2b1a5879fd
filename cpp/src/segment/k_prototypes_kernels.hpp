#pragma once
#include <cstdint>
#include <vector>

#include "tenure/segment/k_prototypes.hpp"

namespace tenure::segment::detail {

/// Clusters whose distances are added up side by side: one AVX-512 register of doubles.
inline constexpr std::int64_t kLanes = 8;

/// Prototypes as the loops read them, eight clusters to a group.
struct PackedPrototypes {
  PackedPrototypes(const Prototypes& prototypes, std::span<const std::int64_t> levels,
                   double gamma);

  std::int64_t clusters, numbers, categories, groups;
  std::int64_t table_rows;           ///< of a group: for each column its levels and the unknown one
  std::vector<std::int64_t> offset;  ///< by column: where code -1 stands in the table
  std::vector<double> centre;        ///< groups x numbers x kLanes
  std::vector<double> price;         ///< groups x table_rows x kLanes: 0 for the mode, else gamma
  std::vector<double> start;         ///< groups x kLanes: 0, infinity where there is no cluster
};

/// The nearest cluster of rows [first, last) and its distance, both written from index 0 on.
void nearest(const PackedPrototypes& packed, const MixedRows& rows, std::int64_t first,
             std::int64_t last, std::int32_t* label, double* distance);

/// Distances of rows [first, last) to every cluster: rows x (groups x kLanes).
void distances(const PackedPrototypes& packed, const MixedRows& rows, std::int64_t first,
               std::int64_t last, double* out);

/// Runs on rows and settings that were checked.
struct MixedProblem {
  const MixedRows& rows;
  std::int64_t clusters;
  std::int64_t max_iterations;
  double gamma;
  std::vector<double> mean;  ///< of the numbers
  double total_weight;
  Execution execution;

  double weight(std::int64_t row) const {
    return rows.weight ? (*rows.weight)[static_cast<std::size_t>(row)] : 1.0;
  }
  const double* number(std::int64_t row) const { return rows.number.data() + row * rows.numbers; }
  const std::int32_t* code(std::int64_t row) const {
    return rows.code.data() + row * rows.categories();
  }
  std::int64_t cost_of_row() const { return clusters * (rows.numbers + rows.categories()); }
  Prototypes at_rows(const std::vector<std::int64_t>& seeds) const;
};

std::vector<std::int64_t> draw_mixed_seeds(const MixedProblem& problem, std::uint64_t seed,
                                           std::uint64_t run);
std::vector<std::int64_t> cao_seeds(const MixedProblem& problem);

/// Row by row from `prototypes`; sets iterations, converged and prototypes of the result.
void huang_run(const MixedProblem& problem, KPrototypesResult& result);

}  // namespace tenure::segment::detail
