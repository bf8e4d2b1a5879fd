#pragma once
#include "tenure/segment/kmeans.hpp"

namespace tenure::segment {

/// What a stream of batches leaves of its rows: each centre is the weighted mean of the rows that
/// were given to it, `weight` what they weigh.
struct KMeansStream {
  std::vector<double> centre;  ///< clusters x features
  std::vector<double> weight;  ///< clusters, >= 0
};

/// Gives each row of a batch to its nearest centre, then moves each centre by its own rate: by w/(W
/// + w) of the way to the mean of its rows of the batch, of weight w, W what it weighed before.
/// [Sculley 2010, WWW, algorithm 1, whose steps of 1/count for one row after another this adds up
/// exactly] Labels and inertia are those about the centres before they moved. A centre without rows
/// stays.
///
/// Cost: one assignment of the batch. Bits do not depend on the thread count. Throws InvalidInput
/// for what kmeans_assign refuses and for a bad state.
template <class T>
Assignment kmeans_absorb(const Points<T>& batch, KMeansStream& state, const Execution& execution);

}  // namespace tenure::segment
