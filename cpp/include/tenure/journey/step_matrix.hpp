#pragma once
#include <cstdint>
#include <vector>

#include "tenure/journey/states.hpp"

namespace tenure::journey {

inline constexpr std::int64_t kMaxMatrixSteps = 1000;

struct StepPlan {
  std::int64_t steps = 10;           ///< 1 to kMaxMatrixSteps
  std::vector<std::uint8_t> anchor;  ///< by event code: 1 for the event that is step 0; empty: none
};

/// Units by state (row) and step (column). Without an anchor columns are steps 1 to `steps`; with
/// one, -steps to steps, 0 being the unit's first visit with such an event. Row `states` counts
/// units that had not yet begun, row `states + 1` those that had ended.
struct StepCounts {
  std::int64_t columns = 0;
  std::vector<std::int64_t> count;  ///< (states + 2) x columns
  std::int64_t units = 0;           ///< that are counted: each column adds up to it
  std::int64_t without_anchor = 0;  ///< units that are not
};

/// One pass, O(rows + units x steps), bound by memory. Same bits for any thread count. Throws
/// InvalidInput if the plans do not fit the log, and for more states than a table of transitions.
StepCounts step_counts(const events::EventLog& log, const StatePlan& states, const StepPlan& plan,
                       const Execution& execution);

}  // namespace tenure::journey
