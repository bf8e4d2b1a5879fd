#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/segment/kmeans.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::segment {

/// A hard clustering: the cluster of each row, from 0 to clusters - 1, each with a row at least.
struct Labelling {
  std::span<const std::int32_t> label;
  std::int64_t clusters;
};

struct Silhouette {
  Buffer<double> value;  ///< by row: s_i in [-1, 1]; 0 in a cluster of one row
  Buffer<std::int32_t>
      neighbour;  ///< by row: the nearest other cluster, of equally near ones the first
  double mean;
  std::vector<double> cluster_mean;
  /// Of the two means, by the infinitesimal jackknife; of clusters NaN where they have one row.
  /// Empty and NaN where nobody asked.
  double error;
  std::vector<double> cluster_error;
};

/// s_i = (b_i - a_i) / max(a_i, b_i), a_i the mean Euclidean distance of row i to the other rows of
/// its cluster, b_i the least of its mean distances to the rows of another cluster; 0 where both
/// are 0 and in a cluster of one row. [Rousseeuw 1987, J. Comput. Appl. Math. 20:53, section 2]
///
/// The error of a mean, labels given by a fixed rule: the square root of the sum over rows of its
/// squared derivative by the weight of the row, which moves s_j itself and every a_i and b_i that
/// the row enters. [Jaeckel 1972; Efron 1982, The Jackknife, the Bootstrap, section 6.3]
///
/// Cells are scaled by a power of two, so no finite value overflows; distances are taken from
/// differences, in double. Cost: rows^2 x features multiply-adds and rows^2 roots; with `error`
/// once more for the pairs of a row and its own and its nearest cluster. Memory: two copies of the
/// cells. Bits do not depend on the thread count. Counts a step for each row.
///
/// Throws InvalidInput for a bad cell, for labels outside of [0, clusters), a cluster without rows,
/// and fewer than two clusters.
template <class T>
Silhouette silhouette(const Points<T>& points, const Labelling& labelling, bool error,
                      const Execution& execution);

/// The same with distances to the centres (means) of the clusters instead of mean distances to
/// their rows: rows x clusters x features multiply-adds. No errors. [Hruschka, de Castro & Campello
/// 2004, IEEE ICDM, section 3]
template <class T>
Silhouette simplified_silhouette(const Points<T>& points, const Labelling& labelling,
                                 const Execution& execution);

}  // namespace tenure::segment
