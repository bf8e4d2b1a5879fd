#pragma once
#include <array>

#include "landmark.hpp"
#include "reach.hpp"
#include "tenure/events/event_log.hpp"

namespace tenure::journey {

/// The common funnel: ordered steps, windows from step 1, any start. A chain that started later can
/// go on wherever an earlier one can, so one start a step is all there is to know. It holds for
/// steps without a name in common, or if one event may serve several steps.
class LatestStart {
 public:
  LatestStart(const FunnelPlan& plan, std::int64_t until)
      : plan_(&plan), until_(until), landmark_(plan, until) {
    for (std::size_t k = 1; k < plan.window.size(); ++k)
      widest_ = std::max(widest_, plan.window[k]);
    std::ranges::copy(plan.window, window_.begin());
    // No chain goes on to the step after the last, which events that serve none ask for.
    window_[static_cast<std::size_t>(plan.steps)] = -1;
    for (const Steps s : plan.step_of)
      step_of_.push_back(static_cast<std::uint8_t>(std::popcount(s) > 1 ? kSeveral
                                                   : s == 0             ? plan.steps
                                                                        : std::countr_zero(s)));
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

  /// Where a customer of whom `found` was told stood at the landmark.
  Standing at_landmark(const events::CustomerEvents& events, const Reach& found) const {
    const int last = plan_->steps - 1;
    const bool through = (found.reached & bit_of(last)) != 0 &&
                         found.at[static_cast<std::size_t>(last)] < landmark_.at;
    if (through || events.time.back() < landmark_.from) return {};
    return plan_->increasing ? standing<true>(events, found) : standing<false>(events, found);
  }

 private:
  static constexpr int kSeveral = kMaxSteps + 1;

  /// By step, one place on: where the chain that got there last began.
  using Starts = std::array<std::int64_t, kMaxSteps + 2>;

  /// Ascending, a chain may take several steps at one instant; descending, each takes one.
  template <bool kIncreasing>
  static int next_of(Steps steps) {
    return kIncreasing ? kMaxSteps - 1 - std::countl_zero(steps) : std::countr_zero(steps);
  }

  template <bool kIncreasing>
  bool run(const events::CustomerEvents& events, Reach& found) const {
    const std::uint8_t* const step_of = step_of_.data();
    const std::uint16_t* const name = events.event.data();
    const std::int64_t* const time = events.time.data();
    const Steps last_step = bit_of(plan_->steps - 1);
    const std::int64_t n = events.size();

    found.reached = 0;
    // By step, one place on: the chain that got there last, and when. An event of step 1 begins a
    // chain with itself, so that it may follow "step 0" at any time.
    Starts start, seen;
    clear(start);
    clear(seen);
    Steps reached = 0;

    const auto take = [&](int k, std::int64_t t) {
      const auto at = static_cast<std::size_t>(k);
      const std::int64_t began = start[at];
      // No branch, and no way for the compiler to make one: whether a chain can go on is anybody's
      // guess.
      const std::int64_t goes_on = t - began <= window_[at];
      const std::int64_t before = seen[at];
      start[at + 1] ^= (start[at + 1] ^ began) & -goes_on;
      seen[at + 1] ^= (seen[at + 1] ^ t) & -goes_on;
      if (goes_on & (~std::uint64_t{reached} >> k)) {
        found.offer(k, t, began, before);
        reached |= bit_of(k);
      }
    };
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t t = time[i];
      const int step = step_of[name[i]];
      start[0] = seen[0] = t;
      if (step != kSeveral && (i + 1 == n || time[i + 1] != t)) {
        take(step, t);
      } else {
        Steps steps = plan_->step_of[name[i]];
        while (i + 1 < n && time[i + 1] == t) steps |= plan_->step_of[name[++i]];
        while (steps) {
          const int k = next_of<kIncreasing>(steps);
          steps ^= bit_of(k);
          take(k, t);
        }
      }
      if (reached & last_step) break;
    }
    if (!reached) return false;
    found.clear_open(plan_->steps);
    if (reached & last_step) return true;
    if (until_ - start[1] > widest_) return true;
    look_ahead(start, until_, found.reached,
               [&](int k, std::int64_t since) { found.may_follow(k, since); });
    return true;
  }

  /// Most funnels are short, and stores of a known number are few instructions.
  void clear(Starts& starts) const {
    constexpr std::size_t kFew = 8;
    std::fill_n(starts.begin(), kFew, kNever);
    const std::size_t used = static_cast<std::size_t>(plan_->steps) + 2;
    for (std::size_t k = kFew; k < used; ++k) starts[k] = kNever;
  }

  /// Calls open(step, start) for the steps not yet reached that live chains would come to if all
  /// the rest happened at `until`.
  template <class Open>
  void look_ahead(const Starts& start, std::int64_t until, Steps reached, const Open& open) const {
    for (int k = 1; k < plan_->steps; ++k) {
      if (reached & bit_of(k)) continue;
      std::int64_t narrowest = kNoWindow;
      for (int from = k; from-- > 0;) {
        const auto next = static_cast<std::size_t>(from) + 1;
        narrowest = std::min(narrowest, plan_->window[next]);
        if (until - start[next] <= narrowest) open(k, start[next]);
      }
    }
  }

  /// Chains that began a window before the landmark or earlier had run out by then: only the events
  /// since are looked at.
  template <bool kIncreasing>
  Standing standing(const events::CustomerEvents& events, const Reach& found) const {
    Standing then;
    const std::int64_t last = events.size();
    std::int64_t cut = last;
    while (cut > 0 && events.time[cut - 1] >= landmark_.at) --cut;
    std::int64_t first = cut;
    while (first > 0 && events.time[first - 1] >= landmark_.from) --first;
    if (first == cut) return then;
    Starts start;
    clear(start);
    follow<kIncreasing>(events, first, cut, all_steps(plan_->steps), start);
    if (start[1] == kNever) return then;
    look_ahead(start, landmark_.at, ~landmark_.missing(found, plan_->steps),
               [&](int k, std::int64_t) { then.open |= bit_of(k); });
    // No chain begins any more.
    if (then.open) then.came = then.open & follow<kIncreasing>(events, cut, last, ~Steps{1}, start);
    return then;
  }

  /// Moves the starts on over some events, as far as they may serve `allowed`; which steps were
  /// reached.
  template <bool kIncreasing>
  Steps follow(const events::CustomerEvents& events, std::int64_t first, std::int64_t last,
               Steps allowed, Starts& start) const {
    Steps reached = 0;
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t t = start[0] = events.time[i];
      Steps steps = plan_->step_of[events.event[i]];
      while (i + 1 < last && events.time[i + 1] == t) steps |= plan_->step_of[events.event[++i]];
      steps &= allowed;
      while (steps) {
        const int k = next_of<kIncreasing>(steps);
        steps ^= bit_of(k);
        const auto at = static_cast<std::size_t>(k);
        if (t - start[at] > plan_->window[at]) continue;
        start[at + 1] = start[at];
        reached |= bit_of(k);
      }
    }
    return reached;
  }

  const FunnelPlan* plan_;
  std::int64_t until_;
  std::int64_t widest_ = 0;  ///< no chain lives for longer
  std::array<std::int64_t, kMaxSteps + 1> window_{};
  std::vector<std::uint8_t> step_of_;  ///< by event code: the one step, `steps` or kSeveral
  Landmark landmark_;
};

}  // namespace tenure::journey
