#include "labelled_rows.hpp"

#include <cmath>

#include "kmeans_frame.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment::detail {

template <class T>
LabelledRows labelled_rows(const Points<T>& points, const Labelling& labelling,
                           std::int64_t least_clusters, const Execution& execution) {
  require_valid(points);
  const std::int64_t n = points.rows(), d = points.features, k = labelling.clusters;
  if (std::ssize(labelling.label) != n)
    throw InvalidInput("labels", -1, static_cast<double>(labelling.label.size()), "as long as X");
  if (k < least_clusters)
    throw InvalidInput("labels", -1, static_cast<double>(k),
                       least_clusters == 1 ? "of one cluster or more" : "of two clusters or more");
  LabelledRows rows{Buffer<double>(n * d),
                    Buffer<std::int32_t>(n),
                    Buffer<std::int64_t>(n),
                    std::vector<std::int64_t>(static_cast<std::size_t>(k) + 1),
                    n,
                    d,
                    0};
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t c = labelling.label[static_cast<std::size_t>(i)];
    if (c < 0 || c >= k)
      throw InvalidInput("labels", i, static_cast<double>(c), "the number of a cluster");
    ++rows.first[static_cast<std::size_t>(c) + 1];
  }
  for (std::int64_t c = 0; c < k; ++c) {
    if (rows.first[static_cast<std::size_t>(c) + 1] == 0)
      throw InvalidInput("labels", -1, static_cast<double>(c), "clusters that each have a row");
    rows.first[static_cast<std::size_t>(c) + 1] += rows.first[static_cast<std::size_t>(c)];
  }
  std::frexp(moments(points, execution).peak, &rows.scale);

  std::vector<std::int64_t> next(rows.first.begin(), rows.first.end() - 1);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t c = labelling.label[static_cast<std::size_t>(i)];
    const std::int64_t place = next[static_cast<std::size_t>(c)]++;
    rows.cluster[place] = c;
    rows.row[place] = i;
  }
  for_each_block(
      n, for_work(execution, n, d), [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (std::int64_t place = first; place < last; ++place)
          for (std::int64_t j = 0; j < d; ++j)
            rows.cell[place * d + j] =
                std::ldexp(static_cast<double>(
                               points.values[static_cast<std::size_t>(rows.row[place] * d + j)]),
                           -rows.scale);
      });
  return rows;
}

std::vector<double> centres(const LabelledRows& rows, const Execution& execution) {
  const std::int64_t d = rows.features;
  std::vector<double> centre(static_cast<std::size_t>(rows.clusters() * d));
  for_each_task(rows.clusters(), execution, [&](std::int64_t c) {
    const std::int64_t begin = rows.first[static_cast<std::size_t>(c)];
    const std::int64_t end = begin + rows.size(c);
    const double* const origin = rows.at(begin);
    double* const mean = centre.data() + c * d;
    std::vector<double> part(static_cast<std::size_t>(d));
    for (std::int64_t from = begin; from < end; from += 1024) {  // partial sums round less
      execution.poll();
      part.assign(part.size(), 0.0);
      for (std::int64_t i = from; i < std::min(end, from + 1024); ++i)
        for (std::int64_t j = 0; j < d; ++j)
          part[static_cast<std::size_t>(j)] += rows.at(i)[j] - origin[j];
      for (std::int64_t j = 0; j < d; ++j) mean[j] += part[static_cast<std::size_t>(j)];
    }
    for (std::int64_t j = 0; j < d; ++j)
      mean[j] = origin[j] + mean[j] / static_cast<double>(end - begin);
  });
  return centre;
}

template LabelledRows labelled_rows(const Points<float>&, const Labelling&, std::int64_t,
                                    const Execution&);
template LabelledRows labelled_rows(const Points<double>&, const Labelling&, std::int64_t,
                                    const Execution&);

}  // namespace tenure::segment::detail
