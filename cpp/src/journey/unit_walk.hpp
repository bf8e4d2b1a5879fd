#pragma once
#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "landmark.hpp"
#include "ordered_chains.hpp"
#include "tenure/events/event_log.hpp"
#include "unordered_chains.hpp"

namespace tenure::journey {

/// Chains of any order, whose windows are looked at from an instant `until`.
class Chains {
 public:
  Chains(const FunnelPlan& plan, std::int64_t until, const Execution& execution)
      : free_(plan.order == StepOrder::any || plan.order == StepOrder::anchored),
        ordered_(plan, until, execution),
        unordered_(plan, until, execution) {}

  void run(std::span<const Item> items, const Openings& openings, bool still_open, Reach& found) {
    if (free_)
      unordered_.run(items, openings, still_open, found);
    else
      ordered_.run(items, openings, still_open, found);
  }

 private:
  bool free_;
  OrderedChains ordered_;
  UnorderedChains unordered_;
};

/// Cuts the events of a customer into units - sessions, values of a property, attempts - and finds
/// the chains of each under any plan.
class UnitWalk {
 public:
  UnitWalk(const events::EventLog& log, const FunnelPlan& plan, const Execution& execution)
      : log_(&log),
        plan_(&plan),
        execution_(&execution),
        landmark_(plan, log.observed_until),
        chains_(plan, log.observed_until, execution),
        chains_then_(plan, landmark_.at, execution),
        opening_(plan.order == StepOrder::any ? all_steps(plan.steps) : Steps{1}) {}

  /// Rows of the log that a unit was found in, and the one that began it if it is an attempt.
  struct Place {
    std::int64_t first, last;
    std::int64_t own = -1;
    std::int32_t split = events::kNoValue;
  };

  /// Calls tell(found, place, then) for every unit that reached step 1; `then` is where it stood at
  /// the landmark.
  template <class Tell>
  void operator()(const events::CustomerEvents& events, const Tell& tell) {
    const std::int64_t n = events.size();
    std::int64_t first = 0;
    for (std::int64_t i = 1; i <= n; ++i) {
      if (i < n &&
          !(plan_->session_gap && events.time[i] - events.time[i - 1] > *plan_->session_gap))
        continue;
      still_open_ =
          !plan_->session_gap || log_->observed_until - events.time[i - 1] <= *plan_->session_gap;
      session(events.first + first, events.first + i, tell);
      first = i;
    }
  }

 private:
  using Rows = std::vector<std::int64_t>;

  Steps steps_of(std::int64_t row) const { return plan_->step_of[log_->event[row]]; }
  bool excludes(std::int64_t row) const {
    return !plan_->exclude.empty() && plan_->exclude[log_->event[row]] != 0;
  }

  template <class Tell>
  void session(std::int64_t first, std::int64_t last, const Tell& tell) {
    if (!plan_->split) {
      part(first, last, {first, last}, tell);
      return;
    }
    by_value(first, last, *plan_->split, false, split_rows_);
    const Rows rows = split_rows_;  // `part` may need the scratch for the held property
    each_value(rows, *plan_->split, [&](std::int32_t value, std::int64_t from, std::int64_t to) {
      part(from, to + 1, {first, last, -1, value}, tell);
    });
  }

  /// One unit, or under `every` one for each start. Its own events are among the given rows; what
  /// breaks its chains may follow, up to the end of its place.
  template <class Tell>
  void part(std::int64_t first, std::int64_t last, const Place& place, const Tell& tell) {
    found_.clear(plan_->steps);
    found_.held = events::kNoValue;
    std::int64_t only_at = kNever;
    if (plan_->start == ChainStart::first) {
      const std::int64_t row = first_start(first, last, place.split);
      if (row == last) return;
      only_at = log_->time[row];
    }
    if (!plan_->hold) {
      fill(first, last, place, std::nullopt);
      search(place, only_at, tell);
    } else {
      by_value(first, last, *plan_->hold, true, hold_rows_);
      each_value(hold_rows_, *plan_->hold,
                 [&](std::int32_t value, std::int64_t from, std::int64_t to) {
                   found_.held = value;
                   fill(from, to + 1, place, value);
                   search(place, only_at, tell);
                 });
    }
    if (plan_->start != ChainStart::every && (found_.reached & 1))
      tell(found_, place, at_landmark(first, last, place));
  }

  /// Over the items that `fill` left.
  template <class Tell>
  void search(const Place& place, std::int64_t only_at, const Tell& tell) {
    if (plan_->start != ChainStart::every) {
      chains_.run(items_, {.only_at = only_at}, still_open_, found_);
      return;
    }
    std::size_t instant = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].time != items_[instant].time) instant = i;
      if (!(items_[i].steps & opening_)) continue;
      if (i % 64 == 0) execution_->poll();
      const auto held = found_.held;
      found_.clear(plan_->steps);
      found_.held = held;
      chains_.run(std::span(items_).subspan(instant),
                  {.only_at = items_[i].time, .own = static_cast<std::ptrdiff_t>(i - instant)},
                  still_open_, found_);
      Place own = place;
      own.own = row_[i];
      tell(found_, own, Standing{});
    }
  }

  /// Of the unit in rows first..last of its place. Chains that began a longest chain before the
  /// landmark or earlier had run out by then, so that only the rows since are looked at.
  Standing at_landmark(std::int64_t first, std::int64_t last, const Place& place) {
    const std::int64_t* const time = log_->time.data();
    if (time[last - 1] < landmark_.from) return {};
    const Steps missing = landmark_.missing(found_, plan_->steps);
    if (!missing) return {};
    first = std::lower_bound(time + first, time + last, landmark_.from) - time;
    const std::int64_t end = std::lower_bound(time + first, time + place.last, landmark_.at) - time;
    const auto opens = [&](std::int64_t row) {
      return (steps_of(row) & opening_) && has(row, plan_->split, place.split);
    };
    std::int64_t row = first;
    while (row < std::min(end, last) && !opens(row)) ++row;
    if (row >= std::min(end, last)) return {};
    if (plan_->session_gap && landmark_.at - time[end - 1] > *plan_->session_gap) return {};

    Standing then;
    const auto add = [&] {
      const auto before = std::ranges::lower_bound(items_, landmark_.at, {}, &Item::time);
      found_then_.clear(plan_->steps);
      chains_then_.run({items_.begin(), before}, {}, true, found_then_);
      const Steps open = found_then_.open(plan_->steps) & missing;
      if (!open) return;
      then.open |= open;
      found_then_.clear(plan_->steps);
      chains_.run(items_, {.before = landmark_.at}, false, found_then_);
      then.came |= open & found_then_.reached;
    };
    if (!plan_->hold) {
      fill(first, last, place, std::nullopt);
      add();
    } else {
      by_value(first, last, *plan_->hold, true, hold_rows_);
      each_value(hold_rows_, *plan_->hold,
                 [&](std::int32_t value, std::int64_t from, std::int64_t to) {
                   fill(from, to + 1, place, value);
                   add();
                 });
    }
    return then;
  }

  bool has(std::int64_t row, std::optional<std::size_t> property, std::int32_t value) const {
    return !property || log_->property[*property][row] == value;
  }

  /// What chains of these values see of the rows: their own events, and whatever breaks them, up
  /// to the first such event behind the last row.
  void fill(std::int64_t first, std::int64_t last, const Place& place,
            std::optional<std::int32_t> held) {
    items_.clear();
    row_.clear();
    const auto push = [&](std::int64_t row, Steps steps) {
      const bool excluded = excludes(row);
      const bool seen = steps || excluded || plan_->order == StepOrder::strict;
      if (!seen) return false;
      items_.push_back({log_->time[row], steps, excluded});
      row_.push_back(row);
      return true;
    };
    for (std::int64_t row = first; row < last; ++row) {
      if ((row - first) % 65536 == 65535) execution_->poll();
      const bool own =
          has(row, plan_->split, place.split) && (!held || has(row, plan_->hold, *held));
      push(row, own ? steps_of(row) : 0);
    }
    if (plan_->exclude.empty() && plan_->order != StepOrder::strict) return;
    for (std::int64_t row = last; row < place.last; ++row)
      if (push(row, 0) && log_->time[row] > log_->time[last - 1]) return;
  }

  /// The first event that may open a chain; `last` if there is none.
  std::int64_t first_start(std::int64_t first, std::int64_t last, std::int32_t split) const {
    for (std::int64_t row = first; row < last; ++row)
      if ((steps_of(row) & opening_) && has(row, plan_->split, split) &&
          (!plan_->hold || log_->property[*plan_->hold][row] != events::kNoValue))
        return row;
    return last;
  }

  /// Rows of events that serve a step, by value of a property; those without one if `known`.
  void by_value(std::int64_t first, std::int64_t last, std::size_t property, bool known,
                Rows& rows) const {
    const auto& value = log_->property[property];
    rows.clear();
    for (std::int64_t row = first; row < last; ++row)
      if (steps_of(row) && !(known && value[row] == events::kNoValue)) rows.push_back(row);
    std::ranges::sort(rows, [&](std::int64_t a, std::int64_t b) {
      return value[a] != value[b] ? value[a] < value[b] : a < b;
    });
  }

  /// Calls body(value, first row, last row) for each value.
  template <class Body>
  void each_value(const Rows& rows, std::size_t property, const Body& body) const {
    const auto& value = log_->property[property];
    for (std::size_t i = 0, j; i < rows.size(); i = j) {
      for (j = i + 1; j < rows.size() && value[rows[j]] == value[rows[i]];) ++j;
      if (i % 64 == 0) execution_->poll();
      body(value[rows[i]], rows[i], rows[j - 1]);
    }
  }

  const events::EventLog* log_;
  const FunnelPlan* plan_;
  const Execution* execution_;
  Landmark landmark_;
  Chains chains_, chains_then_;
  Steps opening_;
  bool still_open_ = true;
  Reach found_, found_then_;
  std::vector<Item> items_;
  std::vector<std::int64_t> row_;  ///< of the log, by item
  Rows split_rows_, hold_rows_;
};

}  // namespace tenure::journey
