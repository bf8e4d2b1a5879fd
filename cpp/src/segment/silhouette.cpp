#include "tenure/segment/silhouette.hpp"

#include <limits>

#include "kmeans_frame.hpp"
#include "silhouette_frame.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment {
namespace {

using namespace detail;

double score(double own, double other) {
  const double larger = std::max(own, other);
  return larger > 0.0 ? (other - own) / larger : 0.0;
}

/// Fills `gaps` for places [first, last) from distance(c, r), the mean distance of row first + r to
/// cluster c; `prepare(c)` comes before the rows are asked about it.
template <class Prepare, class Distance>
void compare(const LabelledRows& rows, std::int64_t first, std::int64_t last, Gaps& gaps,
             const Prepare& prepare, const Distance& distance) {
  for (std::int64_t i = first; i < last; ++i) {
    gaps.own[i] = 0.0;
    gaps.other[i] = std::numeric_limits<double>::infinity();
  }
  for (std::int64_t c = 0; c < rows.clusters(); ++c) {
    prepare(c);
    for (std::int64_t i = first; i < last; ++i) {
      const double mean = distance(c, i - first);
      if (rows.cluster[i] == c) {
        gaps.own[i] = mean;
      } else if (mean < gaps.other[i]) {
        gaps.other[i] = mean;
        gaps.neighbour[i] = static_cast<std::int32_t>(c);
      }
    }
  }
  for (std::int64_t i = first; i < last; ++i)
    gaps.value[i] = rows.size(rows.cluster[i]) == 1 ? 0.0 : score(gaps.own[i], gaps.other[i]);
}

Silhouette collect(const LabelledRows& rows, const Gaps& gaps, bool error,
                   const Execution& execution) {
  Silhouette result{Buffer<double>(rows.rows),
                    Buffer<std::int32_t>(rows.rows),
                    0.0,
                    {},
                    std::numeric_limits<double>::quiet_NaN(),
                    {}};
  for (std::int64_t c = 0; c < rows.clusters(); ++c) {
    double sum = 0.0;
    for (std::int64_t i = rows.first[static_cast<std::size_t>(c)];
         i < rows.first[static_cast<std::size_t>(c) + 1]; ++i) {
      sum += gaps.value[i];
      result.value[rows.row[i]] = gaps.value[i];
      result.neighbour[rows.row[i]] = gaps.neighbour[i];
    }
    result.mean += sum;
    result.cluster_mean.push_back(sum / static_cast<double>(rows.size(c)));
  }
  result.mean /= static_cast<double>(rows.rows);
  if (error) {
    MeanErrors errors = mean_errors(rows, gaps, result.mean, result.cluster_mean, execution);
    result.error = errors.all;
    result.cluster_error = std::move(errors.cluster);
  }
  return result;
}

}  // namespace

template <class T>
Silhouette silhouette(const Points<T>& points, const Labelling& labelling, bool error,
                      const Execution& execution) {
  const LabelledRows rows = labelled_rows(points, labelling, 2, execution);
  Gaps gaps(rows.rows);
  for_each_block(
      rows.rows, for_work(execution, rows.rows, rows.rows * rows.features),
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        Tiles tiles(rows, first, last);
        compare(
            rows, first, last, gaps,
            [&](std::int64_t c) {
              tiles.sum(rows.at(rows.first[static_cast<std::size_t>(c)]), nullptr, rows.size(c),
                        execution);
            },
            [&](std::int64_t c, std::int64_t r) {
              // The distance of a row to itself is 0 and does not count.
              const std::int64_t others = rows.size(c) - (rows.cluster[first + r] == c);
              return others > 0 ? tiles.sum(r) / static_cast<double>(others) : 0.0;
            });
        if (execution.steps) execution.steps->fetch_add(last - first, std::memory_order_relaxed);
      },
      Tiles::kRows);
  return collect(rows, gaps, error, execution);
}

template <class T>
Silhouette simplified_silhouette(const Points<T>& points, const Labelling& labelling,
                                 const Execution& execution) {
  const LabelledRows rows = labelled_rows(points, labelling, 2, execution);
  const std::vector<double> centre = centres(rows, execution);
  Gaps gaps(rows.rows);
  for_each_block(
      rows.rows, for_work(execution, rows.rows, rows.clusters() * rows.features),
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        Tiles tiles(rows, first, last);
        compare(
            rows, first, last, gaps,
            [&](std::int64_t c) {
              if (c % 256 == 0) execution.poll();
              tiles.sum(centre.data() + c * rows.features, nullptr, 1, execution);
            },
            [&](std::int64_t, std::int64_t r) { return tiles.sum(r); });
      },
      Tiles::kRows);
  return collect(rows, gaps, false, execution);
}

template Silhouette silhouette(const Points<float>&, const Labelling&, bool, const Execution&);
template Silhouette silhouette(const Points<double>&, const Labelling&, bool, const Execution&);
template Silhouette simplified_silhouette(const Points<float>&, const Labelling&, const Execution&);
template Silhouette simplified_silhouette(const Points<double>&, const Labelling&,
                                          const Execution&);

}  // namespace tenure::segment
