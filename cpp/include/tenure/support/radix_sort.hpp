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

/// Sorts plain keys. The leading 33 of the bits that differ are sorted by radix, in three passes;
/// what then still shares them, which is little unless keys are equal, by comparison. O(n) for keys
/// that are equal or spread, O(n log n) at worst; a second array as long as the first.
inline void radix_sort(Buffer<std::uint64_t>& keys, const Execution& execution) {
  constexpr int kBits = 11, kPasses = 3;
  constexpr std::int64_t kPollRows = 65'536;
  constexpr std::uint64_t kMask = (1u << kBits) - 1;
  std::uint64_t differ = 0;
  for (std::int64_t i = 0; i < keys.size(); ++i) differ |= keys[i] ^ keys[0];
  const int low = std::max(0, static_cast<int>(std::bit_width(differ)) - kBits * kPasses);

  std::array<std::array<std::int64_t, kMask + 1>, kPasses> count{};
  for (std::int64_t i = 0; i < keys.size(); ++i) {
    if (i % kPollRows == 0) execution.poll();
    for (int d = 0; d < kPasses; ++d) ++count[d][(keys[i] >> (low + kBits * d)) & kMask];
  }
  Buffer<std::uint64_t> other = mapped_buffer<std::uint64_t>(keys.size(), execution);
  for (int d = 0; d < kPasses && (low + kBits * d) < 64; ++d) {
    auto& start = count[d];
    std::int64_t before = 0, largest = 0;
    for (std::int64_t& c : start) {
      largest = std::max(largest, c);
      before += std::exchange(c, before);
    }
    if (largest == keys.size()) continue;
    for (std::int64_t i = 0; i < keys.size(); ++i) {
      if (i % kPollRows == 0) execution.poll();
      other[start[(keys[i] >> (low + kBits * d)) & kMask]++] = keys[i];
    }
    std::swap(keys, other);
  }
  if (low == 0) return;
  for (std::int64_t first = 0, last = 0; first < keys.size(); first = last) {
    const std::uint64_t lead = keys[first] >> low;
    std::uint64_t mixed = 0;
    for (last = first + 1; last < keys.size() && keys[last] >> low == lead; ++last)
      mixed |= keys[last] ^ keys[first];
    if (mixed == 0) continue;
    execution.poll();
    std::sort(keys.data() + first, keys.data() + last);
  }
}

}  // namespace tenure
