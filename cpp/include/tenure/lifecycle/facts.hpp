#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::lifecycle {

struct FactsOptions {
  std::int64_t at = 0;             ///< facts are about t < at
  std::int64_t window_days = 365;  ///< local days up to and with that of the last instant
};

/// What the rules of stages ask of each customer, by customer code. An order is what was bought in
/// one local day; gaps and silence are whole local days.
struct CustomerFacts {
  Buffer<std::uint8_t> known;            ///< has an event before `at`, or none in the whole log
  Buffer<std::int64_t> orders;           ///< n
  Buffer<std::int64_t> days_since_last;  ///< r, from the last order; -1 without an order
  Buffer<double> mean_gap;               ///< between orders; NaN below two
  Buffer<double> last_gap;               ///< before the last order; NaN below two
  Buffer<double> net_value;              ///< all amounts, refunds included
  Buffer<std::int64_t> window_orders;    ///< F: orders in the window
  Buffer<double> window_value;           ///< M: amounts in the window, refunds included
  std::vector<std::int64_t> gaps;        ///< by length in days: completed gaps of all customers

  std::int64_t customers() const { return orders.size(); }
};

/// One pass, O(rows) time, O(customers) memory; bound by memory. Same bits for any thread count.
/// Throws InvalidInput unless window_days >= 1.
CustomerFacts customer_facts(const events::EventLog& log, const FactsOptions& options,
                             const Execution& execution);

/// What each customer did in each of the windows between edges, window by window, by customer code.
struct WindowFacts {
  Buffer<std::uint8_t> ordered;  ///< 1: at least one order
  Buffer<double> revenue;        ///< net of refunds
};

/// For the windows [edges[w], edges[w + 1]), edges ascending, at least two. One pass, O(rows +
/// windows x customers x log(rows of one)). Same bits for any thread count.
WindowFacts window_facts(const events::EventLog& log, std::span<const std::int64_t> edges,
                         const Execution& execution);

}  // namespace tenure::lifecycle
