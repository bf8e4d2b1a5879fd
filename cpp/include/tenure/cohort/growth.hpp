#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::cohort {

struct GrowthOptions {
  Period period = Period::month;
  std::int64_t lapse = 3;                ///< silent periods after which a customer has lapsed
  std::vector<std::uint8_t> event = {};  ///< of activity, by event code; empty: the log's orders
  /// By customer, the instant of signup or kNoInstant: whoever is active in that period is new in
  /// it. Absent, or none of a customer: new in the first active period.
  std::optional<std::span<const std::int64_t>> signup = {};
};

/// Customers by what they did in each period that ended within the observation.
struct Growth {
  std::int64_t first_period = 0;
  std::vector<std::int64_t> fresh;        ///< new: not active the period before
  std::vector<std::int64_t> returning;    ///< active now and the period before
  std::vector<std::int64_t> resurrected;  ///< active now, not the period before, and not new
  std::vector<std::int64_t> dormant;      ///< active the period before, not now
  std::vector<std::int64_t> lapsed;       ///< silent for `lapse` periods with this one
};

/// Growth accounting. With active = fresh + returning + resurrected,
///
///     dormant(p) = active(p - 1) - returning(p)
///
/// A refund (negative amount) is no activity. One pass, O(rows); bound by reading times and
/// amounts. Same bits for any thread count. Throws InvalidInput for lapse < 1.
Growth growth(const events::EventLog& log, const GrowthOptions& options,
              const Execution& execution);

}  // namespace tenure::cohort
