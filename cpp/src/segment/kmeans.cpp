#include "tenure/segment/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "kmeans_lloyd.hpp"
#include "kmeans_sized.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::segment {
namespace {

using namespace detail;

void require_settings(const KMeansSettings& s, std::int64_t rows) {
  if (s.clusters < 1 || s.clusters > rows)
    throw InvalidInput("n_clusters", -1, static_cast<double>(s.clusters),
                       "at least 1 and at most the number of rows");
  if (s.restarts < 1)
    throw InvalidInput("n_init", -1, static_cast<double>(s.restarts), "at least 1");
  if (s.max_iterations < 1)
    throw InvalidInput("max_iter", -1, static_cast<double>(s.max_iterations), "at least 1");
  if (!(s.tolerance >= 0.0)) throw InvalidInput("tol", -1, s.tolerance, "at least 0");
  if (s.least_rows < 0)
    throw InvalidInput("min_cluster_size", -1, static_cast<double>(s.least_rows), "at least 0");
}

/// Every cluster can have its share.
template <class T>
void require_enough_rows(const Points<T>& points, const KMeansSettings& s) {
  std::int64_t rows = points.rows();
  if (points.weight) rows = std::ranges::count_if(*points.weight, [](double w) { return w > 0.0; });
  if (s.least_rows > rows / s.clusters)
    throw InvalidInput("min_cluster_size", -1, static_cast<double>(s.least_rows),
                       "at most the number of rows with a weight above 0, over n_clusters");
}

template <class T>
std::int64_t require_centres(const char* argument, std::span<const T> centre,
                             std::int64_t features) {
  if (centre.empty() || std::ssize(centre) % features != 0)
    throw InvalidInput(argument, -1, static_cast<double>(centre.size()),
                       "rows with as many columns as X");
  double peak = 0.0;
  for (std::size_t i = 0; i < centre.size(); ++i) {
    if (!std::isfinite(centre[i]))
      throw InvalidInput(argument, static_cast<std::int64_t>(i) / features,
                         static_cast<double>(centre[i]), "finite");
    peak = std::max(peak, std::abs(static_cast<double>(centre[i])));
  }
  require_in_range<T>(argument, peak, features, 1.0);
  return std::ssize(centre) / features;
}

/// Labels of points that were checked, into `label`; returns the inertia.
template <class T>
double assign(const Points<T>& points, std::span<const T> centre, std::int32_t* label,
              const Execution& execution) {
  const std::int64_t d = points.features;
  const std::int64_t k = std::ssize(centre) / d;
  // The shift depends on the centres alone, so that a row's label does not depend on other rows.
  std::vector<double> shift(static_cast<std::size_t>(d));
  for (std::size_t i = 0; i < centre.size(); ++i)
    shift[i % shift.size()] += static_cast<double>(centre[i]) / static_cast<double>(k);
  const Frame<T> frame(points, shift);
  std::vector<double> shifted(centre.begin(), centre.end());
  for (std::size_t i = 0; i < shifted.size(); ++i)
    shifted[i] -= frame.shift(static_cast<std::int64_t>(i) % d);
  const Scoring<T> scoring(shifted, k, d);
  const AssignTask<T> task{.rows = frame.rows(),
                           .clusters = k,
                           .packed = scoring.packed.data(),
                           .plain = scoring.plain.data(),
                           .half_norm = scoring.half_norm.data(),
                           .label = label};
  const Kernels<T> kernel = kernels<T>();
  return block_reduce(
      points.rows(), for_work(execution, points.rows(), k * d), 0.0,
      [&](std::int64_t first, std::int64_t last) {
        const auto change =
            std::make_unique_for_overwrite<Change[]>(static_cast<std::size_t>(last - first) + 1);
        double inertia = 0.0;
        in_pieces(first, last, d, k * d, execution, [&](std::int64_t from, std::int64_t to) {
          kernel.assign(task, first, from - first, to - first, change.get());
          inertia += kernel.inertia(task.rows, label, centre.data(), from, to);
        });
        return inertia;
      });
}

}  // namespace

template <class T>
KMeansResult<T> kmeans(const Points<T>& points, const KMeansSettings& settings,
                       std::optional<std::span<const T>> start, const Execution& execution) {
  const double weight = require_valid(points);
  require_settings(settings, points.rows());
  require_enough_rows(points, settings);
  if (start && require_centres("init", *start, points.features) != settings.clusters)
    throw InvalidInput("init", -1, static_cast<double>(start->size()),
                       "n_clusters rows with as many columns as X");
  const Moments of = moments(points, execution);
  require_in_range<T>("X", of.peak, points.features, weight);

  const Lloyd<T> lloyd(points, of, settings, execution);
  std::optional<KMeansResult<T>> best;
  for (std::int64_t r = 0; r < (start ? 1 : settings.restarts); ++r) {
    std::vector<double> from =
        start ? lloyd.shifted(*start) : lloyd.seeds(static_cast<std::uint64_t>(r));
    if (settings.least_rows > 0) {
      KMeansResult<T> found =
          run_sized(Frame<T>(points, of.mean), settings, settings.tolerance * of.variance,
                    std::move(from), execution);
      if (!best || found.inertia < best->inertia) best = std::move(found);
      continue;
    }
    KMeansResult<T> found = lloyd.run(std::move(from));
    found.inertia = assign(points, std::span<const T>(found.centre), found.label.data(), execution);
    if (!best || found.inertia < best->inertia) best = std::move(found);
  }
  std::vector<std::uint8_t> used(static_cast<std::size_t>(settings.clusters));
  for (const std::int32_t l : best->label.span()) used[static_cast<std::size_t>(l)] = 1;
  best->distinct = std::accumulate(used.begin(), used.end(), std::int64_t{0});
  return *std::move(best);
}

template <class T>
Assignment kmeans_assign(const Points<T>& points, std::span<const T> centre,
                         const Execution& execution) {
  const double weight = require_valid(points);
  require_centres("centre", centre, points.features);
  require_in_range<T>("X", moments(points, execution).peak, points.features, weight);
  Assignment result{Buffer<std::int32_t>(points.rows()), 0.0};
  std::ranges::fill(result.label.span(), -1);
  result.inertia = assign(points, centre, result.label.data(), execution);
  return result;
}

template <class T>
Buffer<T> kmeans_distances(const Points<T>& points, std::span<const T> centre,
                           const Execution& execution) {
  const double weight = require_valid(points);
  const std::int64_t d = points.features;
  const std::int64_t k = require_centres("centre", centre, d);
  require_in_range<T>("X", moments(points, execution).peak, d, weight);
  std::vector<T> by_feature(centre.size());
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t j = 0; j < d; ++j)
      by_feature[static_cast<std::size_t>(j * k + c)] = centre[static_cast<std::size_t>(c * d + j)];
  Buffer<T> out(points.rows() * k);
  for_each_block(points.rows(), for_work(execution, points.rows(), k * d),
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   in_pieces(first, last, d, k * d, execution,
                             [&](std::int64_t from, std::int64_t to) {
                               distances(points.values.data() + from * d, to - from, d,
                                         by_feature.data(), k, out.data() + from * k);
                             });
                 });
  return out;
}

template KMeansResult<float> kmeans(const Points<float>&, const KMeansSettings&,
                                    std::optional<std::span<const float>>, const Execution&);
template Assignment kmeans_assign(const Points<float>&, std::span<const float>, const Execution&);
template Buffer<float> kmeans_distances(const Points<float>&, std::span<const float>,
                                        const Execution&);
template KMeansResult<double> kmeans(const Points<double>&, const KMeansSettings&,
                                     std::optional<std::span<const double>>, const Execution&);
template Assignment kmeans_assign(const Points<double>&, std::span<const double>, const Execution&);
template Buffer<double> kmeans_distances(const Points<double>&, std::span<const double>,
                                         const Execution&);

}  // namespace tenure::segment
