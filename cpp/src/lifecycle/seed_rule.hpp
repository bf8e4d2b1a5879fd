#pragma once
#include <cstdint>

#include "snapshots.hpp"
#include "tenure/lifecycle/stages.hpp"

namespace tenure::lifecycle {

/// How long a customer has been silent, as a clock judges it: r <= A, A < r <= L, r > L.
enum class Zone : std::uint8_t { active, lapsing, lost };

struct Standing {
  Zone zone;
  double active_days, lapsed_days;  ///< A and L as they hold for this customer
};

Standing standing_by_silence(std::int64_t days_since_last, double active_days, double lapsed_days);

/// Index of the first of `seed_rules` that holds.
std::uint8_t seed_rule(const Snapshot& s, const Calibration& calibration, const Standing& standing,
                       bool identified);

/// Counts a customer with two orders or more.
void add_repeater(CalibrationSample& sample, std::int64_t window_orders, double window_value);

}  // namespace tenure::lifecycle
