#pragma once
#include <vector>

#include "kmeans_frame.hpp"

namespace tenure::segment::detail {

/// One run of k-means in which each cluster keeps at least `settings.least_rows` rows with a weight
/// above 0, from shifted centres; points and settings were checked. All of the result.
template <class T>
KMeansResult<T> run_sized(const Frame<T>& frame, const KMeansSettings& settings, double tolerance,
                          std::vector<double> centre, const Execution& execution);

}  // namespace tenure::segment::detail
