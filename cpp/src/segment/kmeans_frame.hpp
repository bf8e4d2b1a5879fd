#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kmeans_kernels.hpp"
#include "tenure/segment/kmeans.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment::detail {

/// What a look at every cell tells.
struct Moments {
  std::vector<double> mean;  ///< by feature
  double variance;           ///< mean over the features
  double peak;               ///< greatest absolute value
};

/// Throws InvalidInput for another shape and for weights that break the rules; the total weight.
template <class T>
double require_valid(const Points<T>& points);
/// Throws InvalidInput for the first cell that is not finite.
template <class T>
Moments moments(const Points<T>& points, const Execution& execution);

/// Squared distances of values up to `peak` must stay in the range of T, and the inertia in that of
/// double.
template <class T>
void require_in_range(const char* argument, double peak, std::int64_t features,
                      double total_weight);

/// Fewer threads than allowed where starting them costs more than the pass over the rows.
Execution for_work(const Execution& execution, std::int64_t rows, std::int64_t multiply_adds);

/// The points about a shift, ready for the kernels.
template <class T>
class Frame {
 public:
  Frame(const Points<T>& points, const std::vector<double>& shift)
      : points_(points), shift_(static_cast<std::size_t>(padded(points.features)), T{0}) {
    for (std::size_t j = 0; j < shift.size(); ++j) shift_[j] = static_cast<T>(shift[j]);
  }

  const Points<T>& points() const { return points_; }
  double shift(std::int64_t j) const { return shift_[static_cast<std::size_t>(j)]; }
  Rows<T> rows() const {
    return {points_.values.data(), points_.rows(), points_.features, shift_.data(),
            points_.weight ? points_.weight->data() : nullptr};
  }
  /// Cell (row, j) less the shift, rounded as the kernels round it.
  T cell(std::int64_t row, std::int64_t j) const {
    return points_.values[static_cast<std::size_t>(row * points_.features + j)] -
           shift_[static_cast<std::size_t>(j)];
  }
  double weight(std::int64_t row) const {
    return points_.weight ? (*points_.weight)[static_cast<std::size_t>(row)] : 1.0;
  }

 private:
  Points<T> points_;
  std::vector<T> shift_;
};

/// Calls body(first, last) on pieces of a block that last a few milliseconds at most and stay in
/// the cache, whole tiles but for the last, and asks between them whether to stop.
template <class Body>
void in_pieces(std::int64_t first, std::int64_t last, std::int64_t features,
               std::int64_t multiply_adds_a_row, const Execution& execution, const Body& body) {
  constexpr std::int64_t kMultiplyAdds = std::int64_t{1} << 23;
  constexpr std::int64_t kCells = std::int64_t{1} << 14;
  const std::int64_t wanted = std::min(kMultiplyAdds / multiply_adds_a_row, kCells / features);
  const std::int64_t rows = std::max(wanted / kTileRows, std::int64_t{1}) * kTileRows;
  for (std::int64_t piece = first; piece < last; piece += rows) {
    if (piece > first) execution.poll();
    body(piece, std::min(last, piece + rows));
  }
}

/// Points about their mean, after checking them and the number of clusters.
template <class T>
Frame<T> checked_frame(const Points<T>& points, std::int64_t clusters, const Execution& execution);

/// As kmeans_plus_plus, on points that were checked.
template <class T>
std::vector<std::int64_t> draw_seeds(const Frame<T>& frame, std::int64_t clusters,
                                     std::uint64_t seed, std::uint64_t run,
                                     const Execution& execution);

/// As kmeans_parallel, on points that were checked.
template <class T>
std::vector<std::int64_t> draw_parallel_seeds(const Frame<T>& frame, std::int64_t clusters,
                                              std::uint64_t seed, std::uint64_t run,
                                              const Execution& execution);

}  // namespace tenure::segment::detail
