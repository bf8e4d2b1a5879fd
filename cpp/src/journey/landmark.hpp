#pragma once
#include <algorithm>

#include "reach.hpp"

namespace tenure::journey {

/// The last instant at which every chain then begun has run out by now: one longest chain before
/// the end of observation. What became of the chains that were alive at it is known.
struct Landmark {
  Landmark(const FunnelPlan& plan, std::int64_t until) {
    std::int64_t longest = 0;
    for (std::size_t k = 1; k < plan.window.size(); ++k)
      longest = std::min(kNoWindow, plan.window_from_previous ? longest + plan.window[k]
                                                              : std::max(longest, plan.window[k]));
    if (plan.start != ChainStart::any || plan.steps < 2 || longest == kNoWindow) return;
    at = until - longest;
    from = at - longest;
  }

  /// Steps after the first that a unit had not reached by then.
  Steps missing(const Reach& found, int steps) const {
    Steps missing = all_steps(steps) & ~Steps{1};
    for (int k = 1; k < steps; ++k)
      if ((found.reached & bit_of(k)) && found.at[static_cast<std::size_t>(k)] < at)
        missing ^= bit_of(k);
    return missing;
  }

  /// Chains that began before `at` have run out now; those that began before `from` had run out at
  /// `at`. Later than every event if units have one start, or if a chain may live for ever.
  std::int64_t at = -kNever, from = -kNever;
};

/// Where a unit stood at the landmark.
struct Standing {
  Steps open = 0;  ///< not reached by then, but within reach of a chain that had begun
  Steps came = 0;  ///< those of them that such a chain has reached since
};

}  // namespace tenure::journey
