#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

struct FeatureOptions {
  std::vector<std::int64_t> at;       ///< cutoffs, ascending
  std::vector<std::int64_t> windows;  ///< lengths in microseconds, each > 0
  std::vector<std::uint16_t> events;  ///< codes of the event names that are counted one by one
};

/// What is known of one customer at one cutoff c, column by column. Only rows with t < c are read.
/// A window of length w is [c - w, c).
struct FeatureTable {
  std::vector<std::int64_t> first;  ///< cutoffs + 1: the rows of each cutoff
  Buffer<std::int64_t> customer;    ///< code
  std::vector<Buffer<float>> columns;
};

/// The columns of a table, in order; `window` is an index, or -1 for the whole history, and `event`
/// a position in the options, or -1.
struct FeatureColumn {
  std::string what;
  int window = -1;
  int event = -1;
};

/// Of each window: events, active_days (distinct local days), trend (events in the later half less
/// those in the earlier one); with amounts also amount (sum over orders, refunds included), orders
/// (order rows that are no refunds) and mean_amount (amount / orders; NaN without one); with events
/// also the count of each. Of the whole history: the same counts and sums, days_since_first,
/// days_since_last, mean_gap, std_gap and last_gap in days between active days (NaN below two,
/// std_gap below three).
std::vector<FeatureColumn> feature_columns(const EventLog& log, const FeatureOptions& options);

/// One row for each cutoff and customer with an event before it, by cutoff and then by customer.
/// Each customer is read once: sums over windows are differences of running sums, carried in twice
/// the precision of a double, so that a cutoff more costs what its row costs.
///
/// O(rows + result); bound by writing the result. State: the longest customer, once a thread. Same
/// bits for any thread count, and for any other cutoffs asked beside. Throws InvalidInput if
/// cutoffs do not ascend, or for a window <= 0.
FeatureTable features(const EventLog& log, const FeatureOptions& options,
                      const Execution& execution);

}  // namespace tenure::events
