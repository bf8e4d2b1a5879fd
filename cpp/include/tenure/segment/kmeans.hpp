#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::segment {

/// Rows of features, T = float or double. Views: nothing is copied.
template <class T>
struct Points {
  std::span<const T> values;  ///< rows x features, row after row, finite
  std::int64_t features;
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0, not all 0; absent: all 1

  std::int64_t rows() const { return std::ssize(values) / features; }
};

/// How the nearest centres are found; never which ones: every choice gives the same bits.
enum class KMeansAlgorithm {
  automatic,  ///< starts as `lloyd` and keeps bounds from where they spare more than they cost
  lloyd,      ///< every row to every centre
  hamerly,    ///< rows that bounds prove to stay are not looked at [Hamerly 2010]
  exponion    ///< and others see the centres near their own only [Newling & Fleuret 2016]
};

enum class KMeansSeeding {
  plus_plus,  ///< kmeans_plus_plus
  parallel    ///< kmeans_parallel
};

struct KMeansSettings {
  std::int64_t clusters = 8;
  std::int64_t restarts = 1;          ///< runs from seeds of their own; the lowest inertia wins
  std::int64_t max_iterations = 300;  ///< of one run
  /// A run also ends once the squared shifts of all centres add up to at most this many times the
  /// mean variance of the features. 0: only when no row changes its cluster.
  double tolerance = 1e-4;
  std::uint64_t seed = 0;
  KMeansSeeding seeding = KMeansSeeding::plus_plus;
  KMeansAlgorithm algorithm = KMeansAlgorithm::automatic;
  /// Rows (with a weight above 0) that each cluster keeps at least. Above 0 the assignment of an
  /// iteration is the cheapest that keeps them, found exactly by successive shortest paths
  /// [Bradley, Bennett & Demiriz 2000]; `label` is that assignment and no longer the nearest
  /// centre, and `algorithm` has nothing to say. Takes 24 bytes x rows x clusters.
  std::int64_t least_rows = 0;
};

template <class T>
struct KMeansResult {
  std::vector<T> centre;       ///< clusters x features
  Buffer<std::int32_t> label;  ///< by row: the nearest centre, of equally near ones the first
  double inertia;              ///< sum over rows of weight x squared distance to the centre
  std::int64_t iterations;     ///< of the run that won
  bool converged;
  std::int64_t distinct;  ///< clusters that are the nearest of at least one row
};

/// Lloyd's algorithm [Lloyd 1982, IEEE Trans. Inf. Theory 28:129] from `start` (clusters x
/// features, one run) or from greedy k-means++ seeds. A cluster that lost all its weight moves to
/// the row farthest from its own centre, several of them in order of distance, then of row.
///
/// Scores |c|^2/2 - x.c are taken in T about the mean of the data; sums, centres and the inertia
/// (from differences, not from scores) in double. `label` is what kmeans_assign says about
/// `centre`.
///
/// The sums of the first iteration are taken over all rows, those of the others over the rows that
/// changed their cluster, and those of the result over all rows again. Where values or weights span
/// more than 2^20 times their typical size, every iteration sums all rows.
///
/// Cost: at most iterations x rows x clusters x features multiply-adds, bound by arithmetic once
/// clusters x features exceeds about 64 and by memory below: one pass over the rows an iteration,
/// no copy of them and no matrix of distances. With bounds an iteration reads a label and a number
/// of each row, and the features of those rows only that may change. Memory: 4 bytes a row,
/// sizeof(T) more with bounds, clusters x features doubles for every 8,192 rows, and clusters^2
/// x (4 + sizeof(T)) bytes for `exponion`, which is `hamerly` beyond 4,096 clusters. Bits depend
/// neither on the thread count nor on `algorithm`.
///
/// Throws InvalidInput for a bad cell or weight, fewer rows than clusters, a `start` of another
/// shape, and values whose squares leave the range of T.
template <class T>
KMeansResult<T> kmeans(const Points<T>& points, const KMeansSettings& settings,
                       std::optional<std::span<const T>> start, const Execution& execution);

/// Rows to start from, drawn by greedy k-means++: each with probability proportional to weight x
/// squared distance to the nearest one so far, the best of 2 + floor(ln clusters) draws.
/// [Arthur & Vassilvitskii 2007, SODA, section 6] Draws are those of RandomStream(seed, run).
/// Cost: clusters x draws passes over the rows at the price of a distance each; one T a row.
template <class T>
std::vector<std::int64_t> kmeans_plus_plus(const Points<T>& points, std::int64_t clusters,
                                           std::uint64_t seed, std::uint64_t run,
                                           const Execution& execution);

/// Rows to start from, of a sample that is drawn in a few passes: five rounds keep each row with
/// probability 2 clusters x weight x squared distance to the sample / their sum, and greedy
/// k-means++ picks among the kept ones, each weighted by the rows nearest to it. [Bahmani, Moseley,
/// Vattani, Kumar & Vassilvitskii 2012, PVLDB 5:622, algorithm 2] Where fewer rows than clusters
/// are kept, as kmeans_plus_plus. Cost: about 10 clusters distances a row, at the speed of an
/// assignment; 20 bytes a row.
template <class T>
std::vector<std::int64_t> kmeans_parallel(const Points<T>& points, std::int64_t clusters,
                                          std::uint64_t seed, std::uint64_t run,
                                          const Execution& execution);

struct Assignment {
  Buffer<std::int32_t> label;
  double inertia;
};

/// The nearest centre of each row; a row's label depends on this row and the centres alone.
template <class T>
Assignment kmeans_assign(const Points<T>& points, std::span<const T> centre,
                         const Execution& execution);

/// Euclidean distance of each row to each centre, rows x clusters. From differences, in T.
template <class T>
Buffer<T> kmeans_distances(const Points<T>& points, std::span<const T> centre,
                           const Execution& execution);

}  // namespace tenure::segment
