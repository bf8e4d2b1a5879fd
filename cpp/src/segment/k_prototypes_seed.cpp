#include <algorithm>
#include <cmath>
#include <limits>

#include "k_prototypes_kernels.hpp"
#include "kmeans_frame.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment::detail {
namespace {

constexpr std::int64_t kTile = 128;

double total(const std::vector<double>& v) {
  double sum = 0.0;
  for (const double x : v) sum += x;
  return sum;
}

/// The row where the running sum of value(row) passes `target`, found through the sums by block.
template <class Value>
std::int64_t row_at(double target, const std::vector<double>& by_block, std::int64_t rows,
                    const Value& value) {
  std::size_t block = 0;
  double before = 0.0;
  while (block + 1 < by_block.size() && before + by_block[block] <= target)
    before += by_block[block++];
  // Rounding may put the target behind everything: then the last row that counts is meant.
  while (block > 0 && !(by_block[block] > 0.0)) before -= by_block[--block];
  const std::int64_t first = static_cast<std::int64_t>(block) * kBlockRows;
  std::int64_t chosen = first;
  for (std::int64_t i = first; i < std::min(rows, first + kBlockRows); ++i) {
    const double v = value(i);
    if (!(v > 0.0)) continue;
    chosen = i;
    before += v;
    if (before > target) break;
  }
  return chosen;
}

/// Calls body(row, distances to the prototypes) for the rows of a block.
template <class Body>
void with_distances(const MixedProblem& problem, const PackedPrototypes& packed, std::int64_t first,
                    std::int64_t last, const Body& body) {
  const std::int64_t stride = packed.groups * kLanes;
  std::vector<double> tile(static_cast<std::size_t>(kTile * stride));
  for (std::int64_t from = first; from < last; from += kTile) {
    const std::int64_t to = std::min(last, from + kTile);
    problem.execution.poll();
    distances(packed, problem.rows, from, to, tile.data());
    for (std::int64_t i = from; i < to; ++i) body(i, tile.data() + (i - from) * stride);
  }
}

}  // namespace

std::vector<std::int64_t> draw_mixed_seeds(const MixedProblem& problem, std::uint64_t seed,
                                           std::uint64_t run) {
  const std::int64_t n = problem.rows.rows;
  const auto draws =
      2 + static_cast<std::int64_t>(std::floor(std::log(static_cast<double>(problem.clusters))));
  const auto blocks = static_cast<std::size_t>(block_count(n));
  const Execution ours = for_work(problem.execution, n, problem.cost_of_row());
  RandomStream random(seed, run);
  std::vector<double> weights(blocks);
  for (std::int64_t i = 0; i < n; ++i)
    weights[static_cast<std::size_t>(i / kBlockRows)] += problem.weight(i);
  const auto by_weight = [&] {
    return row_at(random.uniform() * total(weights), weights, n,
                  [&](std::int64_t i) { return problem.weight(i); });
  };

  Buffer<double> closest(n);
  std::ranges::fill(closest.span(), std::numeric_limits<double>::infinity());
  std::vector<std::int64_t> seeds{by_weight()};
  while (std::ssize(seeds) < problem.clusters) {
    const PackedPrototypes newest(problem.at_rows({seeds.back()}), problem.rows.levels,
                                  problem.gamma);
    std::vector<double> left(blocks);
    for_each_block(n, ours, [&](std::int64_t block, std::int64_t first, std::int64_t last) {
      double sum = 0.0;
      with_distances(problem, newest, first, last, [&](std::int64_t i, const double* distance) {
        closest[i] = std::min(closest[i], distance[0]);
        sum += problem.weight(i) * closest[i];
      });
      left[static_cast<std::size_t>(block)] = sum;
    });
    std::vector<std::int64_t> candidates;
    for (std::int64_t c = 0; c < draws; ++c)
      // Nothing left to cover, with fewer distinct rows than clusters: any row will do.
      candidates.push_back(!(total(left) > 0.0) ? by_weight()
                                                : row_at(random.uniform() * total(left), left, n,
                                                         [&](std::int64_t i) {
                                                           return problem.weight(i) * closest[i];
                                                         }));
    const PackedPrototypes asked(problem.at_rows(candidates), problem.rows.levels, problem.gamma);
    std::vector<std::vector<double>> potential(blocks, std::vector<double>(candidates.size()));
    for_each_block(n, ours, [&](std::int64_t block, std::int64_t first, std::int64_t last) {
      std::vector<double>& sum = potential[static_cast<std::size_t>(block)];
      with_distances(problem, asked, first, last, [&](std::int64_t i, const double* distance) {
        for (std::size_t c = 0; c < sum.size(); ++c)
          sum[c] += problem.weight(i) * std::min(closest[i], distance[c]);
      });
    });
    std::vector<double> sum(candidates.size());
    for (const auto& p : potential)
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += p[c];
    seeds.push_back(
        candidates[static_cast<std::size_t>(std::ranges::min_element(sum) - sum.begin())]);
  }
  return seeds;
}

std::vector<std::int64_t> cao_seeds(const MixedProblem& problem) {
  const MixedRows& rows = problem.rows;
  const std::int64_t n = rows.rows, columns = rows.categories();
  std::vector<std::int64_t> offset;
  std::int64_t levels = 0;
  for (const std::int64_t l : rows.levels) {
    offset.push_back(levels);
    levels += l;
  }
  std::vector<double> weight(static_cast<std::size_t>(levels));
  const auto at = [&](std::int64_t row, std::int64_t m) {
    return static_cast<std::size_t>(offset[static_cast<std::size_t>(m)] + problem.code(row)[m]);
  };
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t m = 0; m < columns; ++m) weight[at(i, m)] += problem.weight(i);

  // Whole weights add up to whole numbers here, so that equal densities are equal bits. A row
  // without weight is never taken.
  Buffer<double> density(n), score(n);
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0.0;
    for (std::int64_t m = 0; m < columns; ++m) sum += weight[at(i, m)];
    density[i] = score[i] = problem.weight(i) > 0.0 ? sum : -1.0;
  }
  std::vector<std::int64_t> seeds;
  Buffer<double> closest(n);
  std::ranges::fill(closest.span(), std::numeric_limits<double>::infinity());
  for (;;) {
    seeds.push_back(std::ranges::max_element(score.span()) - score.span().begin());
    if (std::ssize(seeds) == problem.clusters) return seeds;
    const std::int32_t* const seed = problem.code(seeds.back());
    for_each_block(n, for_work(problem.execution, n, columns),
                   [&](std::int64_t, std::int64_t first, std::int64_t last) {
                     for (std::int64_t i = first; i < last; ++i) {
                       double differ = 0.0;
                       for (std::int64_t m = 0; m < columns; ++m)
                         differ += problem.code(i)[m] != seed[m] ? 1.0 : 0.0;
                       closest[i] = std::min(closest[i], differ);
                       score[i] = density[i] * closest[i];
                     }
                   });
  }
}

}  // namespace tenure::segment::detail
