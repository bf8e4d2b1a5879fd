#pragma once
#include <array>

#include "reach.hpp"
#include "tenure/events/event_log.hpp"

namespace tenure::journey {

/// The common funnel: ordered steps, windows from step 1, any start. A chain that started later can
/// go on wherever an earlier one can, so one start a step is all there is to know. It holds for
/// steps without a name in common, or if one event may serve several steps.
class LatestStart {
 public:
  LatestStart(const FunnelPlan& plan, std::int64_t until) : plan_(&plan), until_(until) {
    for (std::size_t k = 1; k < plan.window.size(); ++k)
      widest_ = std::max(widest_, plan.window[k]);
  }

  static bool fits(const FunnelPlan& plan) {
    if (plan.order != StepOrder::ordered || plan.start != ChainStart::any) return false;
    if (plan.window_from_previous || plan.optional || plan.hold || plan.split || plan.session_gap)
      return false;
    for (const auto x : plan.exclude)
      if (x) return false;
    if (plan.reuse || plan.increasing) return true;
    for (const Steps s : plan.step_of)
      if (std::popcount(s) > 1) return false;
    return true;
  }

  /// `found` is told of the chains; false, and nothing told, if there is no step 1.
  bool operator()(const events::CustomerEvents& events, Reach& found) const {
    return plan_->increasing ? run<true>(events, found) : run<false>(events, found);
  }

 private:
  template <bool kIncreasing>
  bool run(const events::CustomerEvents& events, Reach& found) const {
    const Steps* const steps_of = plan_->step_of.data();
    const std::uint16_t* const name = events.event.data();
    const std::int64_t* const time = events.time.data();
    const std::int64_t* const window = plan_->window.data();
    const Steps last_step = bit_of(plan_->steps - 1);
    const std::int64_t n = events.size();

    found.clear(plan_->steps);
    // By step, one place on: where the chain that got there last began. An event of step 1 begins
    // one with itself, so that it may follow "step 0" at any time.
    std::array<std::int64_t, kMaxSteps + 1> start, seen;
    for (std::size_t k = 0; k <= static_cast<std::size_t>(plan_->steps); ++k) start[k] = kNever;

    for (std::int64_t i = 0; i < n; ++i) {
      Steps steps = steps_of[name[i]];
      if (!steps) continue;
      const std::int64_t t = start[0] = seen[0] = time[i];
      while (i + 1 < n && time[i + 1] == t) steps |= steps_of[name[++i]];
      // Ascending, a chain may take several steps at one instant; descending, each takes one.
      do {
        const int k =
            kIncreasing ? kMaxSteps - 1 - std::countl_zero(steps) : std::countr_zero(steps);
        steps ^= bit_of(k);
        const auto at = static_cast<std::size_t>(k);
        const std::int64_t from = start[at], before = seen[at];
        // No branch, and no way for the compiler to make one: whether a chain can go on is
        // anybody's guess.
        const std::int64_t goes_on = t - from <= window[at];
        start[at + 1] ^= (start[at + 1] ^ from) & -goes_on;
        seen[at + 1] ^= (seen[at + 1] ^ t) & -goes_on;
        const bool is_first = goes_on & ((~found.reached >> k) & 1);
        if (is_first) found.offer(k, t, from, before);
      } while (steps);
      if (found.reached & last_step) return true;
    }
    if (!found.reached) return false;
    if (until_ - start[1] > widest_) return true;
    for (int k = 1; k < plan_->steps; ++k) {
      if (found.reached & bit_of(k)) continue;
      std::int64_t narrowest = kNoWindow;
      for (int from = k; from-- > 0;) {
        narrowest = std::min(narrowest, window[from + 1]);
        const std::int64_t s = start[static_cast<std::size_t>(from) + 1];
        if (until_ - s <= narrowest) found.may_follow(k, s);
      }
    }
    return true;
  }

  const FunnelPlan* plan_;
  std::int64_t until_;
  std::int64_t widest_ = 0;  ///< no chain lives for longer
};

}  // namespace tenure::journey
