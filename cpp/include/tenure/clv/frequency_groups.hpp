#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {

/// Rows in ascending order of frequency: group g holds positions first[g] to first[g + 1].
struct FrequencyGroups {
  std::vector<double> x;            ///< ascending, distinct
  std::vector<std::int64_t> first;  ///< one more than groups

  std::int64_t groups() const { return std::ssize(x); }
  std::int64_t rows() const { return first.empty() ? 0 : first.back(); }
};

/// Stable counting sort by frequency x (whole, >= 0): calls place(row, position) once for every row
/// with x >= `lowest`, in no particular order and from several threads. Two passes over the column;
/// the rare frequencies above 1,023 are sorted by comparison.
template <class Place>
FrequencyGroups group_by_frequency(std::span<const double> frequency, double lowest,
                                   const Execution& execution, const Place& place) {
  constexpr std::int64_t kBlock = 65'536;
  constexpr int kDirect = 1024;
  const std::int64_t rows = std::ssize(frequency);
  const std::int64_t blocks = block_count(rows, kBlock);
  // Places follow from counts: a caller's thread that writes in between must not move them.
  Buffer<double> own(rows);
  double* const x = own.data();

  std::vector<std::int64_t> next(static_cast<std::size_t>(blocks * kDirect), 0);
  std::vector<std::vector<std::int64_t>> rare(static_cast<std::size_t>(blocks));
  for_each_block(
      rows, execution,
      [&](std::int64_t block, std::int64_t from, std::int64_t to) {
        std::int64_t* const count = next.data() + block * kDirect;
        for (std::int64_t i = from; i < to; ++i) {
          const double v = frequency[static_cast<std::size_t>(i)];
          x[i] = v >= 0.0 && v <= 0x1p51 ? v : 0.0;
          if (x[i] < kDirect)
            ++count[static_cast<int>(x[i])];
          else
            rare[static_cast<std::size_t>(block)].push_back(i);
        }
      },
      kBlock);

  FrequencyGroups groups;
  std::int64_t position = 0;
  for (int key = static_cast<int>(std::min<double>(lowest, kDirect)); key < kDirect; ++key) {
    const std::int64_t start = position;
    for (std::int64_t block = 0; block < blocks; ++block)
      position += std::exchange(next[static_cast<std::size_t>(block * kDirect + key)], position);
    if (position > start) {
      groups.x.push_back(key);
      groups.first.push_back(start);
    }
  }

  std::vector<std::int64_t> tail;
  for (const auto& r : rare) tail.insert(tail.end(), r.begin(), r.end());
  std::ranges::stable_sort(tail, {}, [x](std::int64_t i) { return x[i]; });
  for_each_block(
      rows, execution,
      [&](std::int64_t block, std::int64_t from, std::int64_t to) {
        std::int64_t* const at = next.data() + block * kDirect;
        // Which rows count is as good as random: listed without a branch, then placed.
        std::int32_t list[4096];
        for (std::int64_t start = from; start < to; start += std::ssize(list)) {
          const auto n =
              static_cast<std::int32_t>(std::min<std::int64_t>(std::ssize(list), to - start));
          std::int32_t listed = 0;
          for (std::int32_t i = 0; i < n; ++i) {
            list[listed] = i;
            listed += (x[start + i] >= lowest) & (x[start + i] < kDirect);
          }
          for (std::int32_t i = 0; i < listed; ++i) {
            const std::int64_t row = start + list[i];
            place(row, at[static_cast<int>(x[row])]++);
          }
        }
      },
      kBlock);
  for (const std::int64_t i : tail) {
    if (groups.x.empty() || groups.x.back() != x[i]) {
      groups.x.push_back(x[i]);
      groups.first.push_back(position);
    }
    place(i, position++);
  }
  groups.first.push_back(position);
  return groups;
}

}  // namespace tenure::clv
