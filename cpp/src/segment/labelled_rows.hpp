#pragma once
#include <cstdint>
#include <vector>

#include "tenure/segment/silhouette.hpp"
#include "tenure/support/buffer.hpp"

namespace tenure::segment::detail {

/// Rows copied to doubles and put together by cluster, so that the rows of one follow one another.
struct LabelledRows {
  Buffer<double> cell;              ///< rows x features, by place
  Buffer<std::int32_t> cluster;     ///< by place
  Buffer<std::int64_t> row;         ///< by place: the row of the caller
  std::vector<std::int64_t> first;  ///< by cluster and one more: the place of its first row
  std::int64_t rows;
  std::int64_t features;
  int scale;  ///< cells are those of the caller times 2^-scale: at most 1 in size

  std::int64_t clusters() const { return std::ssize(first) - 1; }
  std::int64_t size(std::int64_t c) const {
    return first[static_cast<std::size_t>(c + 1)] - first[static_cast<std::size_t>(c)];
  }
  const double* at(std::int64_t place) const { return cell.data() + place * features; }
};

/// Throws InvalidInput for a bad cell or label and for a cluster without rows.
template <class T>
LabelledRows labelled_rows(const Points<T>& points, const Labelling& labelling,
                           std::int64_t least_clusters, const Execution& execution);

/// Means of the clusters, clusters x features; each from the differences to its first row.
std::vector<double> centres(const LabelledRows& rows, const Execution& execution);

}  // namespace tenure::segment::detail
