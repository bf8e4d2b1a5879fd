#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "tenure/events/columns.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

/// Rows that share a finding: how many, and the first few in the caller's order.
struct Finding {
  static constexpr int kShown = 5;
  std::int64_t count = 0;
  std::array<std::int64_t, kShown> first{};

  void add(std::int64_t row) {
    if (count < kShown) first[static_cast<std::size_t>(count)] = row;
    ++count;
  }
  void append(const Finding& later);
};

/// What was found in the rows of a log; every finding is counted whatever was done about it.
struct DataReport {
  std::int64_t rows = 0;     ///< rows read
  std::int64_t kept = 0;     ///< rows that went into the log
  Finding missing_customer;  ///< id is null
  Finding missing_time;      ///< time is null
  Finding impossible_time;   ///< time outside the years 1600 to 2400
  Finding missing_amount;    ///< amount of an order is null or NaN
  Finding infinite_amount;   ///< amount of an order is infinite or beyond +-1e150
  Finding after_end;         ///< at or after `observed_until`
  Finding refund;            ///< order rows with an amount below zero
};

struct CleanOptions {
  bool drop_invalid = false;  ///< else the caller raises on any invalid cell
  bool drop_refunds = false;
  std::optional<std::int64_t> observed_until;  ///< rows from here on are cut off
  std::span<const std::uint8_t> order_event;   ///< by event code; empty: every row is an order
};

/// Rows fit for `index_events`, with the memory of those chunks that had to be rewritten.
struct CleanRows {
  std::vector<EventChunk> chunks;
  DataReport report;

  struct Rewritten {
    Buffer<std::int64_t> customer, time, row;
    Buffer<double> amount;
    Buffer<std::uint16_t> event;
  };
  std::deque<Rewritten> owned;
};

/// Looks at every cell once, counts what breaks a rule, and leaves such rows out where the options
/// say so; a chunk without any is passed on as it is. Where `drop_invalid` is false invalid rows
/// are still in the chunks: the caller must look at the report before it goes on. Amounts matter in
/// order rows only; elsewhere a missing amount counts as 0. O(rows), bound by memory bandwidth.
CleanRows clean(const std::vector<RawChunk>& chunks, const CleanOptions& options,
                const Execution& execution);

}  // namespace tenure::events
