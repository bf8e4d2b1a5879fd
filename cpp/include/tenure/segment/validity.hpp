#pragma once
#include <cstdint>
#include <vector>

#include "tenure/segment/silhouette.hpp"

namespace tenure::segment {

/// What the classical measures of a clustering are made of, and the measures.
struct Validity {
  std::vector<double> centre;         ///< clusters x features
  std::vector<std::int64_t> size;     ///< rows by cluster
  std::vector<double> mean_distance;  ///< by cluster: of its rows to its centre
  double log_within;  ///< logarithm of the sum of squared distances to the centres; -inf: 0
  /// (B / (k - 1)) / (W / (n - k)); 1 where W is 0, as in scikit-learn; NaN for one cluster.
  double calinski_harabasz;
  /// Mean over clusters of the largest (s_c + s_e) / |m_c - m_e|, s the mean distances to the
  /// centres m; a pair 0 / 0 counts 0, any other with equal centres infinity; NaN for one cluster.
  double davies_bouldin;
};

/// [Calinski & Harabasz 1974, Commun. Stat. 3:1; Davies & Bouldin 1979, IEEE PAMI 1:224, with the
/// exponents p = 2, q = 1]
///
/// Cells are scaled by a power of two and sums are taken about the first row of the data. Cost:
/// rows x features and clusters^2 x features. Bits do not depend on the thread count.
/// Throws InvalidInput as silhouette() does, but takes one cluster too.
template <class T>
Validity validity(const Points<T>& points, const Labelling& labelling, const Execution& execution);

}  // namespace tenure::segment
