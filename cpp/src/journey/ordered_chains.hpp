#pragma once
#include <span>
#include <vector>

#include "assignment.hpp"

namespace tenure::journey {

/// Where chains may begin within the items of a unit.
struct Openings {
  std::int64_t only_at = kNever;  ///< at this instant only, unless kNever
  std::ptrdiff_t own = -1;        ///< this item only (it is among those at `only_at`), unless -1
  std::int64_t before = -kNever;  ///< earlier than this instant only

  bool at(std::int64_t t) const { return (only_at == kNever || only_at == t) && t < before; }
};

/// Ordered and strict chains under every rule. A chain in progress is known by the step it stands
/// at, its start, and the time of its last event: those not worse in both are dropped.
class OrderedChains {
 public:
  OrderedChains(const FunnelPlan& plan, std::int64_t until, const Execution& execution)
      : plan_(&plan),
        until_(until),
        execution_(&execution),
        at_(static_cast<std::size_t>(plan.steps)),
        next_(at_) {
    for (int k = 1; k < plan.steps; ++k) widest_ = std::max(widest_, window(k));
  }

  /// Adds to `found`. `still_open`: the unit goes on after `until`, so that live chains may too.
  void run(std::span<const Item> items, const Openings& openings, bool still_open, Reach& found) {
    for (auto& states : at_) states.clear();
    // All that can be found lies within a window of the only start.
    const std::int64_t last = openings.only_at == kNever || plan_->window_from_previous
                                  ? -kNever
                                  : openings.only_at + widest_;
    for_each_instant(items, *execution_, [&](std::size_t first, std::size_t end) {
      const std::int64_t t = items[first].time;
      if (t > last || found_all_before(t, found)) return false;
      const bool opens = openings.at(t);
      const std::ptrdiff_t own =
          opens && openings.own >= 0 ? openings.own - static_cast<std::ptrdiff_t>(first) : -1;
      visit(Instant(items.subspan(first, end - first), *plan_, own), opens, found);
      return opens || t < openings.only_at || alive();
    });
    if (still_open) look_ahead(found);
  }

 private:
  struct State {
    std::int64_t start, last;
  };
  using States = std::vector<State>;

  std::int64_t window(int k) const { return plan_->window[static_cast<std::size_t>(k)]; }
  bool may_skip(int k) const { return (plan_->optional & bit_of(k)) != 0; }

  bool found_all_before(std::int64_t t, const Reach& found) const {
    if (found.reached != all_steps(plan_->steps)) return false;
    for (int k = 0; k < plan_->steps; ++k)
      if (found.at[static_cast<std::size_t>(k)] >= t) return false;
    return true;
  }

  bool alive() const {
    for (const States& states : at_)
      if (!states.empty()) return true;
    return false;
  }

  /// Steps whose window a chain of this start is still within at t.
  Steps in_time(std::int64_t t, std::int64_t start) const {
    if (plan_->window_from_previous) return all_steps(plan_->steps);
    Steps steps = 1;
    for (int k = 1; k < plan_->steps; ++k)
      if (t - start <= window(k)) steps |= bit_of(k);
    return steps;
  }

  /// Keeps the states that no other beats in both start and last; with windows from step 1 the last
  /// event binds nothing, and only decides between equal starts.
  void keep(States& states, const State& s) const {
    if (!plan_->window_from_previous) {
      if (states.empty())
        states.push_back(s);
      else if (s.start != states[0].start ? s.start > states[0].start : s.last > states[0].last)
        states[0] = s;
      return;
    }
    for (const State& other : states)
      if (other.start >= s.start && other.last >= s.last) return;
    std::erase_if(states, [&](const State& o) { return o.start <= s.start && o.last <= s.last; });
    states.push_back(s);
  }

  void visit(const Instant& here, bool opens, Reach& found) {
    for (auto& states : next_) states.clear();
    const std::int64_t t = here.time();
    if (here.steps()) {
      for (int from = 0; from + 1 < plan_->steps; ++from) {
        auto& states = at_[static_cast<std::size_t>(from)];
        if (plan_->window_from_previous)
          std::erase_if(states, [&](const State& s) { return t - s.last > widest_; });
        for (const State& s : states) advance(here, from, s, found);
      }
      if (opens && (here.steps() & 1)) {
        found.offer(0, t, t, t);
        keep(next_[0], {t, t});
        take(here, 0, 0, {t, t}, true, found);
      }
    }
    const bool breaks = here.excluded() || plan_->order == StepOrder::strict;
    for (std::size_t k = 0; k < at_.size(); ++k) {
      if (breaks) at_[k].clear();
      for (const State& s : next_[k]) keep(at_[k], s);
    }
  }

  void advance(const Instant& here, int from, const State& s, Reach& found) {
    const Steps steps = in_time(here.time(), s.start);
    for (int first = from + 1; first < plan_->steps; ++first) {
      const bool in_window = plan_->window_from_previous ? here.time() - s.last <= window(first)
                                                         : (steps & bit_of(first)) != 0;
      if (in_window && (here.steps() & bit_of(first))) take(here, first, first, s, false, found);
      if (!may_skip(first)) return;
    }
  }

  /// A chain in state `s` takes step `first` here, and then as many as it can.
  void take(const Instant& here, int first, int from, const State& s, bool fresh, Reach& found) {
    const std::int64_t t = here.time();
    const Steps steps = in_time(t, s.start);
    Steps needed = bit_of(first);
    for (int k = fresh ? from + 1 : from; k < plan_->steps; ++k) {
      if (k > first && (plan_->increasing || !(steps & bit_of(k)))) {
        if (plan_->increasing || !may_skip(k)) return;
        continue;
      }
      if (here.serve(needed | bit_of(k))) {
        found.offer(k, t, s.start, k == first ? s.last : t);
        if (survives(here, first, k, steps, fresh))
          keep(next_[static_cast<std::size_t>(k)], {s.start, t});
      } else if (!may_skip(k)) {
        return;
      }
      if (!may_skip(k)) needed |= bit_of(k);
    }
  }

  bool survives(const Instant& here, int first, int last, Steps steps, bool fresh) const {
    if (fresh) return true;
    if (here.excluded()) return false;
    return plan_->order != StepOrder::strict || here.cover(steps & steps_between(first, last));
  }

  /// Who could still reach which step if all the rest happened at `until`.
  void look_ahead(Reach& found) const {
    for (int from = 0; from + 1 < plan_->steps; ++from)
      for (const State& s : at_[static_cast<std::size_t>(from)]) {
        if (plan_->window_from_previous) {
          bool enters = false;  // some step that it may take next is in time
          bool skipping = true;
          for (int k = from + 1; k < plan_->steps; ++k) {
            if (skipping && until_ - s.last <= window(k)) enters = true;
            if (enters) found.may_follow(k, s.start);
            skipping = skipping && may_skip(k);
          }
        } else {
          std::int64_t narrowest = kNoWindow;
          for (int k = from + 1; k < plan_->steps; ++k) {
            if (until_ - s.start <= std::min(narrowest, window(k))) found.may_follow(k, s.start);
            if (!may_skip(k)) narrowest = std::min(narrowest, window(k));
          }
        }
      }
  }

  const FunnelPlan* plan_;
  std::int64_t until_;
  const Execution* execution_;
  std::int64_t widest_ = 0;
  std::vector<States> at_, next_;  ///< by step last done
};

}  // namespace tenure::journey
