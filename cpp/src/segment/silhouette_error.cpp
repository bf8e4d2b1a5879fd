#include <cmath>
#include <limits>
#include <utility>

#include "kmeans_frame.hpp"
#include "silhouette_frame.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment::detail {
namespace {

/// ds/da and ds/db of s = (b - a) / max(a, b).
std::pair<double, double> slopes(double own, double other) {
  if (own <= other)
    return other > 0.0 ? std::pair{-1.0 / other, own / (other * other)} : std::pair{0.0, 0.0};
  return {-other / (own * own), 1.0 / own};
}

/// Rows that a cluster moves: the sources of one sum of distances, in the order of their clusters.
struct Moved {
  std::vector<double> cell;
  std::vector<double> weight;         ///< ds_i / d(sum of distances of row i to the cluster)
  std::vector<double> pull;           ///< weight x the mean distance that is there now
  std::vector<std::int32_t> cluster;  ///< their own

  void add(const LabelledRows& rows, std::int64_t place, double slope, double mean, double others) {
    cell.insert(cell.end(), rows.at(place), rows.at(place) + rows.features);
    weight.push_back(slope / others);
    pull.push_back(slope / others * mean);
    cluster.push_back(rows.cluster[place]);
  }
};

/// Squared derivatives, summed over rows: of the mean, and of the means of clusters.
struct Squares {
  double all = 0.0;
  std::vector<std::pair<std::int32_t, double>> cluster;
};

}  // namespace

MeanErrors mean_errors(const LabelledRows& rows, const Gaps& gaps, double mean,
                       const std::vector<double>& cluster_mean, const Execution& execution) {
  const std::int64_t n = rows.rows, k = rows.clusters();
  const auto size = [&](std::int64_t c) { return static_cast<double>(rows.size(c)); };
  double total = 0.0;
  std::vector<double> square(static_cast<std::size_t>(k));

  // Rows by their neighbour, in the order of their own clusters.
  std::vector<std::int64_t> begin(static_cast<std::size_t>(k) + 1);
  for (std::int64_t i = 0; i < n; ++i) ++begin[static_cast<std::size_t>(gaps.neighbour[i]) + 1];
  for (std::size_t c = 0; c < static_cast<std::size_t>(k); ++c) begin[c + 1] += begin[c];
  std::vector<std::int64_t> beside(static_cast<std::size_t>(n)),
      next(begin.begin(), begin.end() - 1);
  for (std::int64_t i = 0; i < n; ++i)
    beside[static_cast<std::size_t>(next[static_cast<std::size_t>(gaps.neighbour[i])]++)] = i;

  for (std::int64_t c = 0; c < k; ++c) {
    execution.poll();
    const std::int64_t first = rows.first[static_cast<std::size_t>(c)];
    const std::int64_t end = first + rows.size(c);
    Moved moved;
    // The cluster's own rows first, then those that have it as neighbour.
    if (rows.size(c) > 1)
      for (std::int64_t i = first; i < end; ++i)
        moved.add(rows, i, slopes(gaps.own[i], gaps.other[i]).first, gaps.own[i], size(c) - 1.0);
    const auto own_rows = std::ssize(moved.weight);
    for (std::int64_t b = begin[static_cast<std::size_t>(c)];
         b < begin[static_cast<std::size_t>(c) + 1]; ++b) {
      const std::int64_t i = beside[static_cast<std::size_t>(b)];
      if (rows.size(rows.cluster[i]) > 1)
        moved.add(rows, i, slopes(gaps.own[i], gaps.other[i]).second, gaps.other[i], size(c));
    }
    const auto sources = std::ssize(moved.weight);

    std::vector<Squares> part(static_cast<std::size_t>(block_count(end - first, Tiles::kRows)));
    for_each_block(
        end - first, for_work(execution, end - first, sources * rows.features),
        [&](std::int64_t block, std::int64_t from, std::int64_t to) {
          from += first;
          to += first;
          Tiles tiles(rows, from, to);
          Squares& squares = part[static_cast<std::size_t>(block)];
          std::vector<double> of_all(static_cast<std::size_t>(to - from));
          for (std::int64_t i = from; i < to; ++i)
            of_all[static_cast<std::size_t>(i - from)] = gaps.value[i] - mean;
          const auto add_run = [&](std::int64_t s, std::int64_t last, std::int32_t whose) {
            double pull = 0.0;
            for (std::int64_t m = s; m < last; ++m) pull += moved.pull[static_cast<std::size_t>(m)];
            if (last > s)
              tiles.sum(moved.cell.data() + s * rows.features, moved.weight.data() + s, last - s,
                        execution);
            double sum = 0.0;
            for (std::int64_t i = from; i < to; ++i) {
              double moves = last > s ? tiles.sum(i - from) - pull : 0.0;
              if (whose == c && own_rows > 0)  // a row is not among its own others
                moves += moved.pull[static_cast<std::size_t>(i - first)];
              of_all[static_cast<std::size_t>(i - from)] += moves;
              if (whose == c) moves += gaps.value[i] - cluster_mean[static_cast<std::size_t>(c)];
              sum += moves * moves;
            }
            squares.cluster.emplace_back(whose, sum);
          };
          add_run(0, own_rows, static_cast<std::int32_t>(c));
          for (std::int64_t s = own_rows; s < sources;) {
            const std::int32_t whose = moved.cluster[static_cast<std::size_t>(s)];
            std::int64_t last = s;
            while (last < sources && moved.cluster[static_cast<std::size_t>(last)] == whose) ++last;
            add_run(s, last, whose);
            s = last;
          }
          for (const double moves : of_all) squares.all += moves * moves;
        },
        Tiles::kRows);
    for (const Squares& p : part) {
      total += p.all;
      for (const auto& [whose, sum] : p.cluster) square[static_cast<std::size_t>(whose)] += sum;
    }
  }

  // n / (n - 1) makes it the usual error of a mean where rows do not depend on one another.
  const auto error = [](double sum, double count) {
    return count > 1.0 ? std::sqrt(sum * (count / (count - 1.0))) / count
                       : std::numeric_limits<double>::quiet_NaN();
  };
  MeanErrors errors{error(total, static_cast<double>(n)), {}};
  for (std::int64_t c = 0; c < k; ++c)
    errors.cluster.push_back(error(square[static_cast<std::size_t>(c)], size(c)));
  return errors;
}

}  // namespace tenure::segment::detail
