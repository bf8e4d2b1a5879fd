#include "tenure/segment/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kmeans_frame.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::segment {
namespace {

using namespace detail;

/// Sums of one block of rows, or of all of them.
struct Totals {
  std::vector<double> sum;             // clusters x padded(features), of shifted rows
  std::vector<double> weight;          // clusters; empty where rows have no weights
  std::vector<std::int64_t> positive;  // clusters: rows with a weight above 0
  std::int64_t changed = 0;

  Totals(std::int64_t clusters, std::int64_t features, bool weighted)
      : sum(static_cast<std::size_t>(clusters * padded(features))),
        weight(weighted ? static_cast<std::size_t>(clusters) : 0),
        positive(static_cast<std::size_t>(clusters)) {}

  Totals& operator+=(const Totals& other) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other.sum[i];
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] += other.weight[i];
    for (std::size_t i = 0; i < positive.size(); ++i) positive[i] += other.positive[i];
    changed += other.changed;
    return *this;
  }
};

/// Shifted centres rounded to T, as the kernels read them.
template <class T>
struct Scoring {
  std::vector<T> packed;
  std::vector<T> half_norm;

  Scoring(const std::vector<double>& centre, std::int64_t clusters, std::int64_t features) {
    const std::vector<T> rounded(centre.begin(), centre.end());
    packed = pack_centres(rounded, clusters, features);
    for (auto c = rounded.begin(); c != rounded.end(); c += features)
      half_norm.push_back(static_cast<T>(0.5 * std::inner_product(c, c + features, c, 0.0)));
  }
};

template <class T>
class Lloyd {
 public:
  Lloyd(const Points<T>& points, const std::vector<double>& mean, const KMeansSettings& settings,
        double variance, const Execution& execution)
      : frame_(points, mean),
        settings_(settings),
        n_(points.rows()),
        d_(points.features),
        k_(settings.clusters),
        tolerance_(settings.tolerance * variance),
        execution_(execution) {}

  std::vector<double> seeds(std::uint64_t run) const {
    std::vector<double> centre;
    for (const std::int64_t row : draw_seeds(frame_, k_, settings_.seed, run, execution_))
      for (std::int64_t j = 0; j < d_; ++j)
        centre.push_back(static_cast<double>(frame_.cell(row, j)));
    return centre;
  }
  std::vector<double> shifted(std::span<const T> start) const {
    std::vector<double> centre(start.begin(), start.end());
    for (std::size_t i = 0; i < centre.size(); ++i)
      centre[i] -= frame_.shift(static_cast<std::int64_t>(i) % d_);
    return centre;
  }

  KMeansResult<T> run(std::vector<double> centre) const {
    KMeansResult<T> result{{}, Buffer<std::int32_t>(n_), 0.0, 0, false, 0};
    std::ranges::fill(result.label.span(), -1);
    while (!result.converged && result.iterations < settings_.max_iterations) {
      ++result.iterations;
      Totals totals = assign_and_sum(centre, result.label.data());
      relocate_empty(totals, centre, result.label);
      std::vector<double> next = means(totals);
      double shift = 0.0;
      for (std::size_t i = 0; i < next.size(); ++i)
        shift += (next[i] - centre[i]) * (next[i] - centre[i]);
      centre = std::move(next);
      result.converged = totals.changed == 0 || shift <= tolerance_;
    }
    for (std::size_t i = 0; i < centre.size(); ++i)
      result.centre.push_back(
          static_cast<T>(centre[i] + frame_.shift(static_cast<std::int64_t>(i) % d_)));
    return result;
  }

 private:
  std::int64_t stride() const { return padded(d_); }
  std::size_t at(std::int64_t c, std::int64_t j) const {
    return static_cast<std::size_t>(c * d_ + j);
  }
  double weight_of(const Totals& totals, std::int64_t c) const {
    const auto i = static_cast<std::size_t>(c);
    return totals.weight.empty() ? static_cast<double>(totals.positive[i]) : totals.weight[i];
  }

  Totals assign_and_sum(const std::vector<double>& centre, std::int32_t* label) const {
    const Scoring<T> scoring(centre, k_, d_);
    const Kernels<T> kernel = kernels<T>();
    const bool weighted = frame_.points().weight.has_value();
    // Large blocks for many clusters: the sums of all blocks stay below an eighth of the points.
    const std::int64_t block_rows = std::max(kBlockRows, (8 * k_ + 63) / 64 * 64);
    return block_reduce(
        n_, for_work(execution_, n_, k_ * d_), Totals(k_, d_, weighted),
        [&](std::int64_t first, std::int64_t last) {
          Totals of(k_, d_, weighted);
          const AssignTask<T> task{.rows = frame_.rows(),
                                   .clusters = k_,
                                   .packed = scoring.packed.data(),
                                   .half_norm = scoring.half_norm.data(),
                                   .label = label,
                                   .sum = of.sum.data(),
                                   .weight = of.weight.data(),
                                   .positive = of.positive.data()};
          in_pieces(first, last, k_ * d_, execution_, [&](std::int64_t from, std::int64_t to) {
            of.changed += kernel.assign(task, from, to).changed;
          });
          return of;
        },
        block_rows);
  }

  /// Gives each cluster without weight the row farthest from its own centre, which leaves its old
  /// cluster; rows without weight stay. Nothing moves where every row lies on its centre.
  void relocate_empty(Totals& totals, const std::vector<double>& centre,
                      const Buffer<std::int32_t>& label) const {
    std::vector<std::int64_t> empty;
    for (std::int64_t c = 0; c < k_; ++c)
      if (totals.positive[static_cast<std::size_t>(c)] == 0) empty.push_back(c);
    if (empty.empty()) return;

    Buffer<double> distance(n_);
    for_each_block(
        n_, for_work(execution_, n_, d_), [&](std::int64_t, std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i) {
            double sum = 0.0;
            for (std::int64_t j = 0; j < d_; ++j) {
              const double gap = static_cast<double>(frame_.cell(i, j)) - centre[at(label[i], j)];
              sum += gap * gap;
            }
            distance[i] = frame_.weight(i) > 0.0 ? sum : 0.0;
          }
        });
    std::vector<std::int64_t> far(static_cast<std::size_t>(n_));
    std::iota(far.begin(), far.end(), std::int64_t{0});
    const auto wanted = std::min(std::ssize(empty), n_);
    std::ranges::partial_sort(far, far.begin() + wanted, [&](std::int64_t a, std::int64_t b) {
      return distance[a] != distance[b] ? distance[a] > distance[b] : a < b;
    });
    for (std::int64_t e = 0; e < wanted; ++e) {
      const std::int64_t row = far[static_cast<std::size_t>(e)];
      if (!(distance[row] > 0.0)) return;
      move_row(totals, row, label[row], empty[static_cast<std::size_t>(e)]);
    }
  }

  void move_row(Totals& totals, std::int64_t row, std::int64_t from, std::int64_t to) const {
    const double weight = frame_.weight(row);
    for (std::int64_t j = 0; j < d_; ++j) {
      const double part = weight * static_cast<double>(frame_.cell(row, j));
      totals.sum[static_cast<std::size_t>(from * stride() + j)] -= part;
      totals.sum[static_cast<std::size_t>(to * stride() + j)] = part;
    }
    if (!totals.weight.empty()) {
      totals.weight[static_cast<std::size_t>(from)] -= weight;
      totals.weight[static_cast<std::size_t>(to)] = weight;
    }
    --totals.positive[static_cast<std::size_t>(from)];
    totals.positive[static_cast<std::size_t>(to)] = 1;
  }

  /// New centres; a cluster that stayed empty takes the place of the heaviest one.
  std::vector<double> means(const Totals& totals) const {
    std::int64_t heaviest = 0;
    for (std::int64_t c = 1; c < k_; ++c)
      if (weight_of(totals, c) > weight_of(totals, heaviest)) heaviest = c;
    std::vector<double> centre(static_cast<std::size_t>(k_ * d_));
    for (std::int64_t c = 0; c < k_; ++c) {
      // Told by counting: the weights of rows that left may not cancel to 0, or to less.
      const bool empty =
          totals.positive[static_cast<std::size_t>(c)] == 0 || !(weight_of(totals, c) > 0.0);
      const std::int64_t from = empty ? heaviest : c;
      const double weight = weight_of(totals, from);
      for (std::int64_t j = 0; j < d_; ++j)
        centre[at(c, j)] = totals.sum[static_cast<std::size_t>(from * stride() + j)] / weight;
    }
    return centre;
  }

  Frame<T> frame_;
  KMeansSettings settings_;
  std::int64_t n_, d_, k_;
  double tolerance_;
  Execution execution_;
};

void require_settings(const KMeansSettings& s, std::int64_t rows) {
  if (s.clusters < 1 || s.clusters > rows)
    throw InvalidInput("n_clusters", -1, static_cast<double>(s.clusters),
                       "at least 1 and at most the number of rows");
  if (s.restarts < 1)
    throw InvalidInput("n_init", -1, static_cast<double>(s.restarts), "at least 1");
  if (s.max_iterations < 1)
    throw InvalidInput("max_iter", -1, static_cast<double>(s.max_iterations), "at least 1");
  if (!(s.tolerance >= 0.0)) throw InvalidInput("tol", -1, s.tolerance, "at least 0");
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
  std::vector<T> aligned(static_cast<std::size_t>(k * padded(d)));
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t j = 0; j < d; ++j) {
      const auto i = static_cast<std::size_t>(c * d + j);
      aligned[static_cast<std::size_t>(c * padded(d) + j)] = centre[i];
      shifted[i] -= frame.shift(j);
    }
  const Scoring<T> scoring(shifted, k, d);
  const AssignTask<T> task{.rows = frame.rows(),
                           .clusters = k,
                           .packed = scoring.packed.data(),
                           .half_norm = scoring.half_norm.data(),
                           .label = label,
                           .centre = aligned.data()};
  const Kernels<T> kernel = kernels<T>();
  return block_reduce(points.rows(), for_work(execution, points.rows(), k * d), 0.0,
                      [&](std::int64_t first, std::int64_t last) {
                        double inertia = 0.0;
                        in_pieces(first, last, k * d, execution,
                                  [&](std::int64_t from, std::int64_t to) {
                                    inertia += kernel.assign(task, from, to).inertia;
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
  if (start && require_centres("init", *start, points.features) != settings.clusters)
    throw InvalidInput("init", -1, static_cast<double>(start->size()),
                       "n_clusters rows with as many columns as X");
  const Moments of = moments(points, execution);
  require_in_range<T>("X", of.peak, points.features, weight);

  const Lloyd<T> lloyd(points, of.mean, settings, of.variance, execution);
  std::optional<KMeansResult<T>> best;
  for (std::int64_t r = 0; r < (start ? 1 : settings.restarts); ++r) {
    KMeansResult<T> found =
        lloyd.run(start ? lloyd.shifted(*start) : lloyd.seeds(static_cast<std::uint64_t>(r)));
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
                   in_pieces(first, last, k * d, execution,
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
