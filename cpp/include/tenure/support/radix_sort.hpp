#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "tenure/support/pages.hpp"

namespace tenure {

/// A sort key with the row it came from.
struct KeyedRow {
  std::uint64_t key;
  std::int64_t row;
};

/// A double >= 0 as a key of the same order; -0.0 counts as 0.0.
inline std::uint64_t ordered_key(double x) { return std::bit_cast<std::uint64_t>(x + 0.0); }
inline double key_value(std::uint64_t key) { return std::bit_cast<double>(key); }

/// Sorts by key; rows of equal key stay in their order. O(n) for each of at most 8 bytes that
/// differ between keys, and a second array as long as the first; bound by memory.
inline void radix_sort(Buffer<KeyedRow>& rows, const Execution& execution) {
  constexpr int kDigits = 8;
  constexpr std::int64_t kPollRows = 65'536;
  std::array<std::array<std::int64_t, 256>, kDigits> count{};
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (i % kPollRows == 0) execution.poll();
    for (int d = 0; d < kDigits; ++d) ++count[d][(rows[i].key >> (8 * d)) & 0xFF];
  }

  Buffer<KeyedRow> other = mapped_buffer<KeyedRow>(rows.size(), execution);
  for (int d = 0; d < kDigits; ++d) {
    auto& start = count[d];
    std::int64_t before = 0, largest = 0;
    for (std::int64_t& c : start) {
      largest = std::max(largest, c);
      before += std::exchange(c, before);
    }
    if (largest == rows.size()) continue;  // the same byte in every key
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      if (i % kPollRows == 0) execution.poll();
      other[start[(rows[i].key >> (8 * d)) & 0xFF]++] = rows[i];
    }
    std::swap(rows, other);
  }
}

}  // namespace tenure
