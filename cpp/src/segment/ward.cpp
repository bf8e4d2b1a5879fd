#include "tenure/segment/ward.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kmeans_frame.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::segment {
namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// The clusters that are left, side by side, features in rows so that distances are plain loops.
struct Clusters {
  std::int64_t count, stride, features;
  std::vector<double> centre;  // features x stride
  std::vector<double> weight;
  std::vector<std::int64_t> row;  // the first row of each: its name
  std::vector<double> distance;

  double at(std::int64_t j, std::int64_t slot) const { return centre[index(j * stride + slot)]; }
};

/// Half the squared heights at which the cluster in `slot` would join each other.
TENURE_CLONES void measure(Clusters& of, std::int64_t slot) {
  double* const out = of.distance.data();
  const std::int64_t n = of.count;
  std::fill_n(out, n, 0.0);
  for (std::int64_t j = 0; j < of.features; ++j) {
    const double* const c = of.centre.data() + j * of.stride;
    const double own = c[slot];
    for (std::int64_t s = 0; s < n; ++s) out[s] += (c[s] - own) * (c[s] - own);
  }
  const double* const weight = of.weight.data();
  const double own = weight[slot];
  // The same bits from either side: chains end because distances along them fall.
  for (std::int64_t s = 0; s < n; ++s) out[s] *= weight[s] * own / (weight[s] + own);
}

/// Joins of two clusters, each named by its first row, in the order in which chains find them.
struct Join {
  std::int64_t a, b;
  double height;
};

/// `b` goes into the place of `a`; the last cluster takes that of `b`.
void join(Clusters& of, std::vector<std::int64_t>& slot_of, std::int64_t a, std::int64_t b) {
  const double total = of.weight[index(a)] + of.weight[index(b)];
  const double share = of.weight[index(b)] / total;
  const std::int64_t last = --of.count;
  for (std::int64_t j = 0; j < of.features; ++j) {
    double* const c = of.centre.data() + j * of.stride;
    c[a] += (c[b] - c[a]) * share;
    c[b] = c[last];
  }
  of.weight[index(a)] = total;
  of.weight[index(b)] = of.weight[index(last)];
  of.row[index(b)] = of.row[index(last)];
  slot_of[index(of.row[index(b)])] = b;
}

std::vector<Join> chains(Clusters of, const Execution& execution) {
  std::vector<Join> found;
  std::vector<std::int64_t> chain;  // first rows of clusters, each the nearest of the one before
  std::vector<std::int64_t> slot_of(of.row.size());
  std::iota(slot_of.begin(), slot_of.end(), std::int64_t{0});
  while (of.count > 1) {
    execution.poll();
    if (chain.empty()) chain.push_back(of.row[0]);
    const std::int64_t tip = chain.back(), slot = slot_of[index(tip)];
    measure(of, slot);
    of.distance[index(slot)] = std::numeric_limits<double>::infinity();
    const double least = *std::min_element(of.distance.begin(), of.distance.begin() + of.count);
    const std::int64_t before = chain.size() > 1 ? chain[chain.size() - 2] : -1;
    if (before >= 0 && of.distance[index(slot_of[index(before)])] <= least) {
      // Each the other's nearest. The merged cluster keeps the name of the earlier row.
      chain.resize(chain.size() - 2);
      const std::int64_t a = std::min(tip, before), b = std::max(tip, before);
      found.push_back({a, b, std::sqrt(2.0 * least)});
      join(of, slot_of, slot_of[index(a)], slot_of[index(b)]);
      continue;
    }
    std::int64_t nearest = std::numeric_limits<std::int64_t>::max();
    for (std::int64_t s = 0; s < of.count; ++s)
      if (of.distance[index(s)] == least) nearest = std::min(nearest, of.row[index(s)]);
    chain.push_back(nearest);
  }
  return found;
}

/// Whose cluster a row is in: [Tarjan 1975] with paths halved.
struct Forest {
  std::vector<std::int64_t> parent;

  explicit Forest(std::int64_t n) : parent(index(n)) {
    std::iota(parent.begin(), parent.end(), std::int64_t{0});
  }
  std::int64_t root(std::int64_t i) {
    while (parent[index(i)] != i) i = parent[index(i)] = parent[index(parent[index(i)])];
    return i;
  }
};

}  // namespace

Merges ward(const Points<double>& points, const Execution& execution) {
  const double total = detail::require_valid(points);
  const std::int64_t n = points.rows(), d = points.features;
  if (points.weight)
    for (std::int64_t i = 0; i < n; ++i)
      if (!((*points.weight)[index(i)] > 0.0))
        throw InvalidInput("sample_weight", i, (*points.weight)[index(i)], "above 0");
  const detail::Moments of = detail::moments(points, execution);
  detail::require_in_range<double>("X", of.peak, d, total);

  Clusters clusters{n,
                    n,
                    d,
                    std::vector<double>(index(n * d)),
                    points.weight
                        ? std::vector<double>(points.weight->begin(), points.weight->end())
                        : std::vector<double>(index(n), 1.0),
                    std::vector<std::int64_t>(index(n)),
                    std::vector<double>(index(n))};
  std::iota(clusters.row.begin(), clusters.row.end(), std::int64_t{0});
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < d; ++j)
      clusters.centre[index(j * n + i)] = points.values[index(i * d + j)] - of.mean[index(j)];
  std::vector<double> weight = clusters.weight;
  // A product of two weights may leave the range of doubles: they are divided by 4^half, near the
  // total, which costs no digit, nor does its root in the heights.
  const int half = std::ilogb(total) / 2;
  for (double& w : clusters.weight) w = std::ldexp(w, -2 * half);

  std::vector<Join> joins = chains(std::move(clusters), execution);
  std::ranges::stable_sort(joins, {}, &Join::height);
  Merges out;
  Forest forest(n);
  std::vector<std::int64_t> name(index(n)), rows(index(n), 1);
  std::iota(name.begin(), name.end(), std::int64_t{0});
  for (const Join& step : joins) {
    const std::int64_t a = forest.root(step.a), b = forest.root(step.b);
    out.left.push_back(std::min(name[index(a)], name[index(b)]));
    out.right.push_back(std::max(name[index(a)], name[index(b)]));
    out.height.push_back(std::ldexp(step.height, half));
    forest.parent[index(b)] = a;
    rows[index(a)] += rows[index(b)];
    weight[index(a)] += weight[index(b)];
    name[index(a)] = n + std::ssize(out.height) - 1;
    out.rows.push_back(rows[index(a)]);
    out.weight.push_back(weight[index(a)]);
  }
  return out;
}

std::vector<std::int32_t> cut_tree(std::span<const std::int64_t> left,
                                   std::span<const std::int64_t> right, std::int64_t clusters) {
  const std::int64_t n = std::ssize(left) + 1;
  if (std::ssize(right) != n - 1 || clusters < 1 || clusters > n)
    throw InvalidInput("n_clusters", -1, static_cast<double>(clusters),
                       "at least 1 and at most the number of rows");
  Forest forest(2 * n - 1);
  for (std::int64_t s = 0; s < n - clusters; ++s)
    for (const std::int64_t child : {left[index(s)], right[index(s)]}) {
      if (child < 0 || child >= n + s)
        throw InvalidInput("left", s, static_cast<double>(child), "a row or an earlier step");
      forest.parent[index(child)] = n + s;
    }
  std::vector<std::int32_t> label(index(n)), number(index(2 * n - 1), -1);
  std::int32_t next = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    std::int32_t& of_root = number[index(forest.root(i))];
    if (of_root < 0) of_root = next++;
    label[index(i)] = of_root;
  }
  return label;
}

}  // namespace tenure::segment
