#pragma once
#include <bit>
#include <cstdint>
#include <span>

#include "tenure/support/radix_sort.hpp"

namespace tenure::churn {

inline constexpr std::int64_t kPollRows = 65'536;

/// Rows by descending score, and of equal scores in their order. A copy of the scores: sorting what
/// another thread may change could lead anywhere. Scores must not be NaN.
inline Buffer<KeyedRow> descending(std::span<const double> score, const Execution& execution) {
  constexpr auto kSign = std::uint64_t{1} << 63;
  Buffer<KeyedRow> rows = mapped_buffer<KeyedRow>(std::ssize(score), execution);
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (i % kPollRows == 0) execution.poll();
    const auto bits = std::bit_cast<std::uint64_t>(score[static_cast<std::size_t>(i)] + 0.0);
    rows[i] = {(bits & kSign) != 0 ? bits : ~(bits | kSign), i};
  }
  radix_sort(rows, execution);
  return rows;
}

/// The score that a key of `descending` stands for.
inline double score_of(std::uint64_t key) {
  constexpr auto kSign = std::uint64_t{1} << 63;
  return std::bit_cast<double>((key & kSign) != 0 ? key : ~key & ~kSign);
}

/// Calls body(from, to) for every run of equal scores.
template <class Body>
void each_run(const Buffer<KeyedRow>& rows, const Execution& execution, const Body& body) {
  std::int64_t polled = 0;
  for (std::int64_t from = 0; from < rows.size();) {
    std::int64_t to = from + 1;
    while (to < rows.size() && rows[to].key == rows[from].key) ++to;
    body(from, to);
    from = to;
    if (from - polled > kPollRows) {
      execution.poll();
      polled = from;
    }
  }
}

}  // namespace tenure::churn
