#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/segment/kmeans.hpp"

namespace tenure::segment {

/// A tree of clusters: step s joins two of the rows 0 to n - 1 and earlier steps n + 0 to n + s
/// - 1.
struct Merges {
  std::vector<std::int64_t> left, right;  ///< left < right
  std::vector<double> height;             ///< ascending
  std::vector<std::int64_t> rows;         ///< below the step
  std::vector<double> weight;             ///< of these rows
};

/// Ward's hierarchical clustering [Ward 1963, JASA 58:236]: the two clusters are joined that raise
/// the sum of squares least,
///
///     height = sqrt(2 w_a w_b / (w_a + w_b)) |c_a - c_b|,
///
/// so that height^2 / 2 is the rise and two single rows of weight 1 join at their distance, as in
/// SciPy. Found by chains of nearest neighbours [Murtagh 1983, Computer J. 26:354; Muellner 2011,
/// arXiv:1109.2378], whose distances come from centres: equal to those of the Lance-Williams
/// recurrence, without its matrix. Of equally near clusters the one before in the chain, else that
/// of the first row.
///
/// O(rows^2 features) time on one thread, O(rows features) memory. Throws InvalidInput for a bad
/// cell, a weight that is not above 0, and values whose squares overflow.
Merges ward(const Points<double>& points, const Execution& execution);

/// Clusters after the first rows - clusters steps, numbered in the order of their first rows.
std::vector<std::int32_t> cut_tree(std::span<const std::int64_t> left,
                                   std::span<const std::int64_t> right, std::int64_t clusters);

}  // namespace tenure::segment
