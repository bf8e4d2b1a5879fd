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
  /// By step, one place on: where the chain that got there last began.
  using Starts = std::array<std::int64_t, kMaxSteps + 1>;

  /// Ascending, a chain may take several steps at one instant; descending, each takes one.
  template <bool kIncreasing>
  static int next_of(Steps steps) {
    return kIncreasing ? kMaxSteps - 1 - std::countl_zero(steps) : std::countr_zero(steps);
  }

  template <bool kIncreasing>
  bool run(const events::CustomerEvents& events, Reach& found) const {
    const Steps* const steps_of = plan_->step_of.data();
    const std::uint16_t* const name = events.event.data();
    const std::int64_t* const time = events.time.data();
    const std::int64_t* const window = plan_->window.data();
    const Steps last_step = bit_of(plan_->steps - 1);
    const std::int64_t n = events.size();

    found.clear(plan_->steps);
    // By step, one place on: the chain that got there last, and when. An event of step 1 begins a
    // chain with itself, so that it may follow "step 0" at any time.
    struct Latest {
      std::int64_t start, seen;
    };
    std::array<Latest, kMaxSteps + 1> latest;
    std::fill_n(latest.begin(), plan_->steps + 1, Latest{kNever, kNever});
    Steps reached = 0;

    for (std::int64_t i = 0; i < n; ++i) {
      Steps steps = steps_of[name[i]];
      if (!steps) continue;
      const std::int64_t t = time[i];
      latest[0] = {t, t};
      while (i + 1 < n && time[i + 1] == t) steps |= steps_of[name[++i]];
      do {
        const int k = next_of<kIncreasing>(steps);
        steps ^= bit_of(k);
        const auto at = static_cast<std::size_t>(k);
        const Latest chain = latest[at];
        // No branch, and no way for the compiler to make one: whether a chain can go on is
        // anybody's guess.
        const std::int64_t goes_on = t - chain.start <= window[at];
        Latest& next = latest[at + 1];
        next.start ^= (next.start ^ chain.start) & -goes_on;
        next.seen ^= (next.seen ^ t) & -goes_on;
        if (goes_on & (~reached >> k)) {
          found.offer(k, t, chain.start, chain.seen);
          reached |= bit_of(k);
        }
      } while (steps);
      if (reached & last_step) return true;
    }
    if (!reached) return false;
    if (until_ - latest[1].start > widest_) return true;
    Starts start;
    for (std::size_t k = 0; k <= static_cast<std::size_t>(plan_->steps); ++k)
      start[k] = latest[k].start;
    look_ahead(start, until_, found.reached,
               [&](int k, std::int64_t since) { found.may_follow(k, since); });
    return true;
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
    std::fill_n(start.begin(), plan_->steps + 1, kNever);
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
  Landmark landmark_;
};

}  // namespace tenure::journey
