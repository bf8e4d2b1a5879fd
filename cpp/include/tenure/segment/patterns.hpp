#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::segment {

/// Distinct rows of a table of codes, in the order of their first rows.
struct Patterns {
  std::vector<std::int64_t> first;  ///< by pattern: the first row that shows it
  Buffer<std::int32_t> of_row;      ///< by row: its pattern

  std::int64_t size() const { return std::ssize(first); }
};

/// Collapses equal rows: what depends on a row alone is then computed once for all rows like it.
/// `code` is rows x columns, row after row, from -1 (missing) to levels - 1.
///
/// Columns are packed into one 64-bit key as long as it has room, keys are numbered by a hash table
/// that compares whole keys, and the numbers go into the next key: no two rows are ever taken for
/// one. O(rows columns), one hash look-up a row for about 60 bits of codes. One thread.
Patterns distinct_rows(std::span<const std::int32_t> code, std::span<const std::int64_t> levels,
                       const Execution& execution);

/// Numbers 0, 1, ... for distinct values, in the order of their first rows; 0.0 and -0.0 are one.
std::vector<std::int32_t> numbered(std::span<const double> values, const Execution& execution);

}  // namespace tenure::segment
