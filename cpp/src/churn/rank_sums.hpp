#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Asks for an interrupt now and then: for loops and sorts that nobody can stop from outside.
class Ticker {
 public:
  explicit Ticker(const Execution& execution) : execution_(execution) {}
  void tick() {
    if (++ticks_ % 16'384 == 0) execution_.poll();
  }

 private:
  const Execution& execution_;
  std::uint64_t ticks_ = 0;
};

/// The position of each score among the distinct ones, ascending.
struct ScoreRanks {
  std::vector<std::size_t> rank;
  std::size_t distinct = 0;
};

inline ScoreRanks rank_scores(std::span<const double> score, Ticker& ticker) {
  std::vector<double> sorted(score.begin(), score.end());
  std::ranges::sort(sorted, [&](double a, double b) {
    ticker.tick();
    return a < b;
  });
  const auto end = std::unique(sorted.begin(), sorted.end());
  ScoreRanks out;
  out.distinct = static_cast<std::size_t>(end - sorted.begin());
  out.rank.reserve(score.size());
  for (const double x : score) {
    ticker.tick();
    out.rank.push_back(
        static_cast<std::size_t>(std::lower_bound(sorted.begin(), end, x) - sorted.begin()));
  }
  return out;
}

/// Weights by rank, with sums below a rank in O(log n).
class RankSums {
 public:
  explicit RankSums(std::size_t ranks) : node_(ranks + 1, 0.0) {}
  void add(std::size_t rank, double w) {
    total_ += w;
    for (std::size_t k = rank + 1; k < node_.size(); k += k & (~k + 1)) node_[k] += w;
  }
  double below(std::size_t rank) const {
    double sum = 0.0;
    for (std::size_t k = rank; k > 0; k -= k & (~k + 1)) sum += node_[k];
    return sum;
  }
  double total() const { return total_; }

 private:
  std::vector<double> node_;
  double total_ = 0.0;
};

/// Weights of lower, equal and higher score than a rank.
struct Split {
  double lower = 0.0, equal = 0.0, higher = 0.0;
};
inline Split split(const RankSums& sums, std::size_t rank) {
  const double below = sums.below(rank), up_to = sums.below(rank + 1);
  return {below, up_to - below, sums.total() - up_to};
}

}  // namespace tenure::churn
