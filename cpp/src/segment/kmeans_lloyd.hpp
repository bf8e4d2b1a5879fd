#pragma once
#include <memory>
#include <vector>

#include "kmeans_bounds.hpp"

namespace tenure::segment::detail {

/// Sums by cluster, of one block of rows or of all of them.
struct Totals {
  std::vector<double> sum;             // clusters x padded(features), of shifted rows
  std::vector<double> weight;          // clusters; empty where rows have no weights
  std::vector<std::int64_t> positive;  // clusters: rows with a weight above 0

  Totals(std::int64_t clusters, std::int64_t features, bool weighted)
      : sum(static_cast<std::size_t>(clusters * padded(features))),
        weight(weighted ? static_cast<std::size_t>(clusters) : 0),
        positive(static_cast<std::size_t>(clusters)) {}

  Sums into() { return {sum.data(), weight.empty() ? nullptr : weight.data(), positive.data()}; }
  double weight_of(std::int64_t cluster) const {
    const auto i = static_cast<std::size_t>(cluster);
    return weight.empty() ? static_cast<double>(positive[i]) : weight[i];
  }
  Totals& operator+=(const Totals& other) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other.sum[i];
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] += other.weight[i];
    for (std::size_t i = 0; i < positive.size(); ++i) positive[i] += other.positive[i];
    return *this;
  }
};

/// Runs of Lloyd's algorithm on points that were checked.
template <class T>
class Lloyd {
 public:
  /// `of`: the moments of the points.
  Lloyd(const Points<T>& points, const Moments& of, const KMeansSettings& settings,
        const Execution& execution);

  /// Shifted centres to start from.
  std::vector<double> seeds(std::uint64_t run) const;
  std::vector<double> shifted(std::span<const T> start) const;

  /// All of the result but its inertia and `distinct`; labels are those before the last step.
  KMeansResult<T> run(std::vector<double> centre) const;

 private:
  /// What one pass over the rows finds.
  struct Pass {
    Totals totals;  // of all rows, or what to add to those of the pass before
    std::int64_t changed = 0;
    std::int64_t looked_at = 0;
    double largest = 0.0;  // squared norm of a row that was looked at

    Pass& operator+=(const Pass& other) {
      totals += other.totals;
      changed += other.changed;
      looked_at += other.looked_at;
      largest = std::max(largest, other.largest);
      return *this;
    }
  };

  /// Memory of a block while it is worked on.
  struct Scratch {
    std::unique_ptr<Change[]> change;
    std::unique_ptr<std::int32_t[]> list, by_label;
  };

  std::size_t at(std::int64_t c, std::int64_t j) const {
    return static_cast<std::size_t>(c * d_ + j);
  }
  std::int64_t block_rows() const;
  AssignOutcome assign_block(const AssignTask<T>& task, const Bounds<T>& bounds, bool near,
                             std::int64_t first, std::int64_t last, Scratch& scratch,
                             std::int64_t& looked_at) const;
  AssignOutcome assign_listed(const AssignTask<T>& task, const Bounds<T>& bounds, bool near,
                              std::int64_t first, std::int64_t count, Scratch& scratch) const;
  Pass pass(const Scoring<T>& scoring, Bounds<T>& bounds, bool with_gaps, bool sum_all,
            Buffer<std::int32_t>& label) const;
  Totals sum_all(const Buffer<std::int32_t>& label) const;
  void relocate_empty(Totals& totals, const std::vector<double>& centre,
                      const Buffer<std::int32_t>& label) const;
  void move_row(Totals& totals, std::int64_t row, std::int64_t from, std::int64_t to) const;
  std::vector<double> next_centres(const Totals& totals, const std::vector<double>& centre,
                                   const Buffer<std::int32_t>& label) const;

  Frame<T> frame_;
  KMeansSettings settings_;
  std::int64_t n_, d_, k_;
  double tolerance_;
  bool steady_;  // sums may follow the rows that change
  Execution execution_;
};

}  // namespace tenure::segment::detail
