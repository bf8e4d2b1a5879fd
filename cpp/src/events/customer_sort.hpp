#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "log_columns.hpp"

namespace tenure::events {

/// Sorts the rows of one customer where they are not in order yet: by pairs of time and row, as
/// whole rows would be dear to move.
class CustomerSort {
 public:
  void operator()(const Columns& columns, std::int64_t first, std::int64_t last) {
    std::int64_t i = first + 1;
    while (i < last && columns.in_order(i)) ++i;
    if (i >= last) return;
    pairs_.clear();
    for (std::int64_t k = first; k < last; ++k) pairs_.push_back({columns.time(k), k});
    const auto before = [&](const Pair& a, const Pair& b) {
      if (a.time != b.time) return a.time < b.time;
      return columns.before(columns[a.row], columns[b.row]);
    };
    if (std::ssize(pairs_) < kMany)
      std::sort(pairs_.begin(), pairs_.end(), before);
    else
      sort_many(before);
    rows_.clear();
    for (const Pair& p : pairs_) rows_.push_back(columns[p.row]);
    for (const Cells& row : rows_) columns.set(first++, row);
  }

 private:
  static constexpr std::int64_t kMany = 20;
  struct Pair {
    std::int64_t time, row;
  };

  /// First to buckets of equal length in time, about one a row, without a branch to predict.
  template <class Before>
  void sort_many(const Before& before) {
    const auto [low, high] = std::ranges::minmax(pairs_, {}, &Pair::time);
    const std::int64_t from = low.time;
    const auto span = static_cast<std::uint64_t>(high.time) - static_cast<std::uint64_t>(from);
    const int shift = std::max(0, static_cast<int>(std::bit_width(span)) -
                                      static_cast<int>(std::bit_width(pairs_.size())));
    const auto bucket = [&](const Pair& p) {
      const auto since = static_cast<std::uint64_t>(p.time) - static_cast<std::uint64_t>(from);
      return static_cast<std::size_t>(since >> shift);
    };
    ends_.assign(static_cast<std::size_t>(span >> shift) + 1, 0);
    for (const Pair& p : pairs_) ++ends_[bucket(p)];
    std::size_t rows = 0;
    for (std::size_t& end : ends_) rows += std::exchange(end, rows);
    scattered_.resize(pairs_.size());
    for (const Pair& p : pairs_) scattered_[ends_[bucket(p)]++] = p;
    std::swap(pairs_, scattered_);
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      if (end - begin > 1)
        std::sort(pairs_.begin() + static_cast<std::ptrdiff_t>(begin),
                  pairs_.begin() + static_cast<std::ptrdiff_t>(end), before);
      begin = end;
    }
  }

  std::vector<Pair> pairs_, scattered_;
  std::vector<std::size_t> ends_;  // of buckets
  std::vector<Cells> rows_;
};

}  // namespace tenure::events
