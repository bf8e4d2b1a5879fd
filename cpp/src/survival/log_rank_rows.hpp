#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/radix_sort.hpp"
#include "tenure/survival/log_rank.hpp"

namespace tenure::survival {

inline constexpr std::int64_t kRankPollRows = 65'536;

/// Rows in order of (stratum, time): sorted by time first, then counted into strata.
class SortedRows {
 public:
  SortedRows(const GroupedSample& s, std::span<const double> time, const Execution& execution)
      : first_(static_cast<std::size_t>(s.strata) + 1) {
    Buffer<KeyedRow> rows(std::ssize(time));
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      if (i % kRankPollRows == 0) execution.poll();
      rows[i] = {ordered_key(time[static_cast<std::size_t>(i)]), i};
    }
    radix_sort(rows, execution);
    const auto stratum = [&](std::int64_t row) {
      return s.stratum ? static_cast<std::size_t>((*s.stratum)[static_cast<std::size_t>(row)]) : 0;
    };
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      if (i % kRankPollRows == 0) execution.poll();
      ++first_[stratum(rows[i].row) + 1];
    }
    for (std::size_t k = 1; k < first_.size(); ++k) first_[k] += first_[k - 1];
    row_.resize(time.size());
    auto next = first_;
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      if (i % kRankPollRows == 0) execution.poll();
      row_[next[stratum(rows[i].row)]++] = static_cast<std::size_t>(rows[i].row);
    }
  }

  std::span<const std::size_t> of(std::int32_t stratum) const {
    const auto k = static_cast<std::size_t>(stratum);
    return std::span(row_).subspan(first_[k], first_[k + 1] - first_[k]);
  }

 private:
  std::vector<std::size_t> first_;
  std::vector<std::size_t> row_;
};

inline double weight_of(const RankOptions& options, double at_risk, double survival) {
  switch (options.weight) {
    case RankWeight::log_rank:
      return 1.0;
    case RankWeight::gehan:
      return at_risk;
    case RankWeight::tarone_ware:
      return std::sqrt(at_risk);
    case RankWeight::fleming_harrington:
      break;
  }
  return std::pow(survival, options.rho) * std::pow(1.0 - survival, options.gamma);
}

/// The test's observed, expected and robust variance (lower triangle); see `log_rank`. Rows are
/// valid.
void robust_log_rank(const GroupedSample& sample, const RankOptions& options, RankTest& out,
                     const Execution& execution);

}  // namespace tenure::survival
