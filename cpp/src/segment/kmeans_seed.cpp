#include <cmath>
#include <limits>

#include "kmeans_frame.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace detail {
namespace {

/// The row where the running sum of value(row) passes `target`; `block_total` are the sums by
/// block, perhaps rounded in another way: a target that falls off the end takes the last row that
/// counts.
template <class Value>
std::int64_t row_at(double target, std::span<const double> block_total, std::int64_t rows,
                    const Value& value) {
  std::size_t block = 0, last_positive = 0;
  double before = 0.0, running = 0.0;
  for (; block < block_total.size(); ++block) {
    if (block_total[block] > 0.0) {
      last_positive = block;
      before = running;
    }
    running += block_total[block];
    if (running > target) break;
  }
  const std::int64_t first = static_cast<std::int64_t>(last_positive) * kBlockRows;
  const std::int64_t last = std::min(rows, first + kBlockRows);
  std::int64_t chosen = first;
  double within = 0.0;
  for (std::int64_t i = first; i < last; ++i) {
    const double v = value(i);
    if (!(v > 0.0)) continue;
    chosen = i;
    within += v;
    if (before + within > target) break;
  }
  return chosen;
}

template <class T>
double squared_distance(const Frame<T>& frame, std::int64_t a, std::int64_t b) {
  double sum = 0.0;
  for (std::int64_t j = 0; j < frame.points().features; ++j) {
    const double gap =
        static_cast<double>(frame.cell(a, j)) - static_cast<double>(frame.cell(b, j));
    sum += gap * gap;
  }
  return sum;
}

}  // namespace

template <class T>
std::vector<std::int64_t> draw_seeds(const Frame<T>& frame, std::int64_t clusters,
                                     std::uint64_t seed, std::uint64_t run,
                                     const Execution& execution) {
  const std::int64_t n = frame.points().rows();
  const std::int64_t d = frame.points().features;
  const auto draws =
      2 + static_cast<std::int64_t>(std::floor(std::log(static_cast<double>(clusters))));
  const auto blocks = static_cast<std::size_t>(block_count(n));
  const Execution ours = for_work(execution, n, d * (draws + 1));
  const Kernels<T> kernel = kernels<T>();
  RandomStream random(seed, run);

  double heaviest = 0.0;
  std::vector<double> weight_total(blocks);
  for (std::int64_t i = 0; i < n; ++i) {
    heaviest = std::max(heaviest, frame.weight(i));
    weight_total[static_cast<std::size_t>(i / kBlockRows)] += frame.weight(i);
  }
  const auto sum = [](const std::vector<double>& v) {
    double total = 0.0;
    for (const double x : v) total += x;
    return total;
  };
  const auto draw_by_weight = [&] {
    return row_at(random.uniform() * sum(weight_total), weight_total, n,
                  [&](std::int64_t i) { return frame.weight(i); });
  };

  Buffer<T> closest(n);
  std::ranges::fill(closest.span(), std::numeric_limits<T>::infinity());

  // potential[candidate][block]: weight x squared distance to the nearest seed, were it one of them
  const auto potentials = [&](const std::vector<std::int64_t>& candidates,
                              std::optional<std::int64_t> last_seed) {
    std::vector<T> cells;
    const auto append = [&](std::int64_t row) {
      for (std::int64_t j = 0; j < d; ++j) cells.push_back(frame.cell(row, j));
    };
    if (last_seed) append(*last_seed);
    for (const std::int64_t row : candidates) append(row);
    const std::vector<T> packed = pack_centres(cells, std::ssize(cells) / d, d);
    const SeedTask<T> task{.rows = frame.rows(),
                           .update = last_seed.has_value(),
                           .candidates = std::ssize(candidates),
                           .packed = packed.data(),
                           .closest = closest.data(),
                           .weight_scale = 1.0 / heaviest};
    std::vector<std::vector<double>> potential(candidates.size(), std::vector<double>(blocks));
    for_each_block(n, ours, [&](std::int64_t block, std::int64_t first, std::int64_t last) {
      std::vector<double> local(candidates.size());
      in_pieces(
          first, last, d, std::ssize(cells), execution,
          [&](std::int64_t from, std::int64_t to) { kernel.seed(task, from, to, local.data()); });
      for (std::size_t c = 0; c < local.size(); ++c)
        potential[c][static_cast<std::size_t>(block)] = local[c];
    });
    return potential;
  };

  std::vector<std::int64_t> seeds{draw_by_weight()};
  if (clusters == 1) return seeds;
  std::vector<double> current = std::move(potentials(seeds, std::nullopt)[0]);
  std::vector<std::int64_t> candidates(static_cast<std::size_t>(draws));
  while (std::ssize(seeds) < clusters) {
    const std::int64_t previous = seeds.back();
    const double total = sum(current);
    for (std::int64_t& candidate : candidates)
      // Nothing left to cover, with fewer distinct rows than clusters: any row will do.
      candidate = !(total > 0.0)
                      ? draw_by_weight()
                      : row_at(random.uniform() * total, current, n, [&](std::int64_t i) {
                          const double kept = static_cast<double>(closest[i]);
                          return frame.weight(i) / heaviest *
                                 std::min(kept, squared_distance(frame, i, previous));
                        });
    std::vector<std::vector<double>> potential = potentials(candidates, previous);
    std::size_t best = 0;
    for (std::size_t c = 1; c < potential.size(); ++c)
      if (sum(potential[c]) < sum(potential[best])) best = c;
    seeds.push_back(candidates[best]);
    current = std::move(potential[best]);
  }
  return seeds;
}

template <class T>
Frame<T> checked_frame(const Points<T>& points, std::int64_t clusters, const Execution& execution) {
  const double weight = require_valid(points);
  if (clusters < 1 || clusters > points.rows())
    throw InvalidInput("n_clusters", -1, static_cast<double>(clusters),
                       "at least 1 and at most the number of rows");
  const Moments of = moments(points, execution);
  require_in_range<T>("X", of.peak, points.features, weight);
  return Frame<T>(points, of.mean);
}

template Frame<float> checked_frame(const Points<float>&, std::int64_t, const Execution&);
template Frame<double> checked_frame(const Points<double>&, std::int64_t, const Execution&);
template std::vector<std::int64_t> draw_seeds(const Frame<float>&, std::int64_t, std::uint64_t,
                                              std::uint64_t, const Execution&);
template std::vector<std::int64_t> draw_seeds(const Frame<double>&, std::int64_t, std::uint64_t,
                                              std::uint64_t, const Execution&);

}  // namespace detail

template <class T>
std::vector<std::int64_t> kmeans_plus_plus(const Points<T>& points, std::int64_t clusters,
                                           std::uint64_t seed, std::uint64_t run,
                                           const Execution& execution) {
  return detail::draw_seeds(detail::checked_frame(points, clusters, execution), clusters, seed, run,
                            execution);
}

template std::vector<std::int64_t> kmeans_plus_plus(const Points<float>&, std::int64_t,
                                                    std::uint64_t, std::uint64_t, const Execution&);
template std::vector<std::int64_t> kmeans_plus_plus(const Points<double>&, std::int64_t,
                                                    std::uint64_t, std::uint64_t, const Execution&);

}  // namespace tenure::segment
