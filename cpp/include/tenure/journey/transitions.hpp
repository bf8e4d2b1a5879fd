#pragma once
#include <cstdint>
#include <vector>

#include "tenure/journey/states.hpp"

namespace tenure::journey {

/// Beyond it a square table is neither read nor kept by anybody.
inline constexpr std::int32_t kMaxTableStates = 254;

/// Transitions between states, start and end among them, as a square table of states + 1 rows and
/// columns: row `states` is the start of a unit, column `states` its end.
struct Transitions {
  std::int32_t states = 0;
  std::vector<std::int64_t> count;      ///< transitions
  std::vector<std::int64_t> customers;  ///< who made it at least once
  std::vector<double> median;           ///< of the time it took, microseconds; NaN where no time
                                        ///< passes (start, end) or nothing happened
  std::int64_t units = 0;
  std::int64_t open = 0;  ///< units that may still go on: the gap after them had not passed
};

/// Counts each pair of visits of a unit that follow one another, its first visit as one from the
/// start and its last as one to the end. Medians are exact, of type 7.
///
/// Three passes, O(rows + states^2), bound by memory; 8 bytes a transition for the medians. Same
/// bits for any thread count. Throws InvalidInput if the plan does not fit, and for more than
/// kMaxTableStates states.
Transitions transitions(const events::EventLog& log, const StatePlan& plan,
                        const Execution& execution);

}  // namespace tenure::journey
