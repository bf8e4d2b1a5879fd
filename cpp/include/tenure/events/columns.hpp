#pragma once
#include <cstdint>

namespace tenure::events {

/// Which cells of a column hold a value: a bitmap with a bit offset, as Arrow has it. Absent: all.
struct Validity {
  const std::uint8_t* bits = nullptr;
  std::int64_t offset = 0;

  bool operator[](std::int64_t i) const {
    const std::int64_t at = i + offset;
    return bits == nullptr || ((bits[at >> 3] >> (at & 7)) & 1) != 0;
  }
};

/// A run of rows in the caller's order, column by column. Views: whoever made them keeps them
/// alive.
struct EventChunk {
  std::int64_t rows = 0;
  const std::int64_t* customer = nullptr;  ///< id, or code in a dictionary of ids
  const std::int64_t* time = nullptr;      ///< microseconds since 1970-01-01 UTC
  const double* amount = nullptr;          ///< absent in a log without amounts
  const std::uint16_t* event = nullptr;    ///< code of the event name; absent without names
  std::int64_t first_row = 0;              ///< number of row 0 among all rows of the caller
  const std::int64_t* row = nullptr;       ///< those numbers where they do not follow on
};

/// A run of rows as it arrived, before anyone looked at the cells.
struct RawChunk : EventChunk {
  Validity customer_valid, time_valid, amount_valid;
};

}  // namespace tenure::events
