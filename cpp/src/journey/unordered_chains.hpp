#pragma once
#include <span>
#include <vector>

#include "ordered_chains.hpp"

namespace tenure::journey {

/// Chains whose steps come in any order, or in any order after step 1.
///
/// Sets of events that can serve different steps are the independent sets of a matroid, so the
/// greedy choice from the latest event backwards gives, for every k, the k events whose first is
/// latest [Edmonds 1971, Mathematical Programming 1:127-136]; and an event that the greedy choice
/// once refused stays refused when later ones arrive. At most `steps` events are therefore kept.
class UnorderedChains {
 public:
  UnorderedChains(const FunnelPlan& plan, std::int64_t until, const Execution& execution)
      : plan_(&plan),
        until_(until),
        execution_(&execution),
        anchored_(plan.order == StepOrder::anchored),
        window_(plan.steps > 1 ? plan.window[1] : kNoWindow),
        free_(anchored_ ? all_steps(plan.steps) & ~Steps{1} : all_steps(plan.steps)) {
    // A start that could serve a later step as well must not do both.
    for (const Steps s : plan.step_of) shared_ = shared_ || ((s & 1) && (s & free_));
    shared_ = shared_ && anchored_ && !plan.reuse && !plan.increasing;
  }

  void run(std::span<const Item> items, const Openings& openings, bool still_open, Reach& found) {
    if (openings.own >= 0) {
      from_start(items, static_cast<std::size_t>(openings.own), still_open, found);
    } else if (openings.only_at == kNever && !shared_) {
      from_any(items, openings, still_open, found);
    } else {
      for_each_instant(items, *execution_, [&](std::size_t first, std::size_t last) {
        if (!openings.at(items[first].time)) return true;
        Steps seen = 0;  // events of one instant that serve the same steps are the same start
        for (std::size_t i = first; i < last; ++i) {
          if (!opens(items[i]) || (items[i].steps == seen)) continue;
          seen = items[i].steps;
          from_start(items, i, still_open, found);
        }
        return true;
      });
    }
  }

 private:
  struct Member {
    std::int64_t time;
    Steps steps;
    std::int64_t anchor;  ///< latest step 1 that may go before it
  };

  bool opens(const Item& i) const { return (i.steps & (anchored_ ? Steps{1} : free_)) != 0; }

  /// Where openings end before the events do, a chain in any order needs an event that may open it:
  /// with one in its window it has one, as an independent set grows to any size that another has.
  void from_any(std::span<const Item> items, const Openings& openings, bool still_open,
                Reach& found) {
    members_.clear();
    std::int64_t anchor = kNever, barrier = kNever, opened = kNever;
    for_each_instant(items, *execution_, [&](std::size_t first, std::size_t last) {
      const auto here = items.subspan(first, last - first);
      const std::int64_t t = here.front().time, earliest = std::max(barrier, t - window_);
      Steps steps = 0;
      bool excluded = false;
      for (const Item& i : here) {
        steps |= i.steps;
        excluded = excluded || i.excluded;
      }
      const std::int64_t before = anchor;
      if (openings.at(t) && (steps & free_)) opened = t;
      if (anchored_ && (steps & 1) && openings.at(t)) {
        anchor = t;
        found.offer(0, t, t, t);
      }
      if (insert(here, plan_->increasing ? before : anchor, here.size())) {
        const int held = anchored_ || opened >= earliest ? static_cast<int>(members_.size()) : 0;
        const auto member = [&](int i) { return members_[static_cast<std::size_t>(i)]; };
        for (int i = 0; i < held; ++i) {
          const std::int64_t start = anchored_ ? member(i).anchor : member(i).time;
          if (start < earliest) break;
          const int k = anchored_ ? i + 1 : i;
          found.offer(k, t, start, i > 0 ? member(1).time : anchored_ ? start : t);
        }
      }
      if (excluded) barrier = t;
      return true;
    });
    const std::int64_t start = anchored_ ? anchor : members_.empty() ? kNever : members_[0].time;
    if (still_open && start >= barrier && until_ - start <= window_)
      for (int k = 1; k < plan_->steps; ++k) found.may_follow(k, start);
  }

  /// Chains that begin with item `own`.
  void from_start(std::span<const Item> items, std::size_t own, bool still_open, Reach& found) {
    const std::int64_t start = items[own].time;
    if (anchored_) {
      follow(items, own, 0, start, still_open, found);
    } else if (plan_->reuse && !plan_->increasing) {
      for (Steps left = items[own].steps & free_; left; left &= left - 1)
        follow(items, own, left & -left, start, still_open, found);
    } else {
      follow(items, own, items[own].steps & free_, start, still_open, found);
    }
  }

  /// `taken`: the steps of which the start serves one; none if it is step 1 of an anchored chain.
  void follow(std::span<const Item> items, std::size_t own, Steps taken, std::int64_t start,
              bool still_open, Reach& found) {
    members_.clear();
    own_ = taken;
    found.offer(0, start, start, start);
    bool broken = false;
    std::size_t begin = own;
    while (begin > 0 && items[begin - 1].time == start) --begin;
    for_each_instant(items.subspan(begin), *execution_, [&](std::size_t first, std::size_t last) {
      auto here = items.subspan(begin + first, last - first);
      const std::int64_t t = here.front().time;
      if (t - start > window_) return false;
      bool excluded = false;
      for (const Item& i : here) excluded = excluded || i.excluded;
      const bool at_start = t == start;
      if (at_start && plan_->increasing) return true;
      const std::size_t skip = at_start && !plan_->reuse ? own - begin : here.size();
      if (insert(here, start, skip)) {
        const int held = static_cast<int>(members_.size());
        for (int i = 0; i < held; ++i)
          found.offer(i + 1, t, start, i > 0 ? members_[1].time : start);
      }
      broken = excluded && !at_start;
      return !broken && may_change(t, found);
    });
    own_ = 0;
    if (still_open && !broken && until_ - start <= window_)
      for (int k = 1; k < plan_->steps; ++k) found.may_follow(k, start);
  }

  /// False once nothing that comes later can change what was found.
  bool may_change(std::int64_t t, const Reach& found) const {
    return found.reached != all_steps(plan_->steps) ||
           found.at[static_cast<std::size_t>(plan_->steps - 1)] >= t;
  }

  /// Adds the events of an instant, the `skip`-th left out; whether any is kept.
  bool insert(std::span<const Item> here, std::int64_t anchor, std::size_t skip) {
    bool kept = false;
    if (plan_->increasing) {
      Steps steps = 0;
      for (const Item& i : here) steps |= i.steps & free_;
      return add({here.front().time, steps, anchor});
    }
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (i == skip) continue;
      Steps left = here[i].steps & free_;
      if (!plan_->reuse)
        kept |= add({here[i].time, left, anchor});
      else
        for (; left; left &= left - 1) kept |= add({here[i].time, left & -left, anchor});
    }
    return kept;
  }

  bool add(const Member& latest) {
    if (!latest.steps) return false;
    assignment_.clear();
    if (own_) assignment_.add(0, own_);
    if (!assignment_.add(1, latest.steps)) return false;
    kept_.clear();
    kept_.push_back(latest);
    for (const Member& m : members_)
      if (assignment_.add(2, m.steps)) kept_.push_back(m);
    members_.swap(kept_);
    return true;
  }

  const FunnelPlan* plan_;
  std::int64_t until_;
  const Execution* execution_;
  bool anchored_;
  std::int64_t window_;
  Steps free_;     ///< steps that come in any order
  Steps own_ = 0;  ///< what the start of a chain in any order may serve
  bool shared_ = false;
  Assignment assignment_;
  std::vector<Member> members_, kept_;  ///< latest first
};

}  // namespace tenure::journey
