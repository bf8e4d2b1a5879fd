#include "tenure/journey/funnel.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "latest_start.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "unit_walk.hpp"

namespace tenure::journey {
namespace {

void refuse(const char* argument, const char* message) {
  throw InvalidInput(argument, -1, std::string(message));
}

std::uint16_t last_name(const events::EventLog& log, const Execution& execution) {
  std::vector<std::uint16_t> last(static_cast<std::size_t>(block_count(log.rows())));
  for_each_block(log.rows(), execution,
                 [&](std::int64_t block, std::int64_t first, std::int64_t end) {
                   std::uint16_t most = 0;  // plain: the compiler makes vectors of it
                   for (std::int64_t i = first; i < end; ++i) most = std::max(most, log.event[i]);
                   last[static_cast<std::size_t>(block)] = most;
                 });
  return std::ranges::max(last);
}

void require_valid(const events::EventLog& log, const FunnelPlan& plan,
                   const Execution& execution) {
  const auto names = std::ssize(plan.step_of);
  if (plan.steps < 1 || plan.steps > kMaxSteps)
    throw InvalidInput("steps", -1, static_cast<double>(plan.steps), "between 1 and 32");
  if (!log.has_event() && log.rows() > 0) refuse("log", "needs event names for a funnel");
  if (log.rows() > 0 && last_name(log, execution) >= names)
    refuse("steps", "must say of every event name what it serves");
  if (!plan.exclude.empty() && std::ssize(plan.exclude) != names)
    refuse("exclude", "must be as long as the event names");
  if (std::ssize(plan.window) != plan.steps) refuse("window", "must have one entry a step");
  for (const std::int64_t w : plan.window)
    if (w < 0 || w > kNoWindow) throw InvalidInput("window", -1, static_cast<double>(w), ">= 0");
  if (plan.optional & 1) refuse("optional", "must not name the first step");
  const bool free = plan.order == StepOrder::any || plan.order == StepOrder::anchored;
  for (int k = 2; k < plan.steps; ++k)
    if (free && plan.window[static_cast<std::size_t>(k)] != plan.window[1])
      refuse("window", "must be one for all steps that come in any order");
  if (free && (plan.window_from_previous || plan.optional))
    refuse("order",
           "must be ordered or strict for optional steps and windows from the step before");
  for (const auto& property : {plan.hold, plan.split, plan.by})
    if (property && *property >= log.property.size()) refuse("property", "is none of the log");
  if (plan.session_gap && *plan.session_gap < 0)
    throw InvalidInput("session_gap", -1, static_cast<double>(*plan.session_gap), ">= 0");
}

/// Puts units behind others, column by column in parallel.
void append(FunnelUnits& units, std::span<const FunnelUnits> later, const Execution& execution) {
  std::vector<std::int64_t> before{std::ssize(units.reached)};
  for (const FunnelUnits& l : later) before.push_back(before.back() + std::ssize(l.reached));
  const auto column = [&](auto member, const auto& moved) {
    auto& to = member(units);
    std::size_t size = to.size();
    for (const FunnelUnits& l : later) size += member(l).size();
    if (size > to.capacity()) to.reserve(std::max(size, 2 * to.capacity()));
    for (std::size_t p = 0; p < later.size(); ++p)
      for (const auto& value : member(later[p])) to.push_back(moved(value, before[p]));
  };
  const auto same = [](auto value, std::int64_t) { return value; };
  const auto unit = [](std::int64_t value, std::int64_t by) { return value + by; };
  for_each_task(1 + 3 * std::ssize(units.at), execution, [&](std::int64_t task) {
    if (task == 0) {
      column([](auto& u) -> auto& { return u.reached; }, same);
      column([](auto& u) -> auto& { return u.group; }, same);
      column([](auto& u) -> auto& { return u.then; },
             [](FunnelUnits::Landmark l, std::int64_t by) {
               l.unit += by;
               return l;
             });
      return;
    }
    const auto k = static_cast<std::size_t>(task - 1) / 3;
    if (task % 3 == 1) column([k](auto& u) -> auto& { return u.at[k].unit; }, unit);
    if (task % 3 == 2) column([k](auto& u) -> auto& { return u.at[k].time; }, same);
    if (task % 3 == 0) column([k](auto& u) -> auto& { return u.at[k].lag; }, same);
  });
}

/// Units of a range of customers.
class FunnelScan {
 public:
  FunnelScan(const events::EventLog& log, const FunnelPlan& plan, const Execution& execution)
      : log_(&log),
        plan_(&plan),
        execution_(&execution),
        common_(LatestStart::fits(plan)),
        latest_(plan, log.observed_until),
        walk_(log, plan, execution) {
    units_.steps = plan.steps;
    units_.at.resize(static_cast<std::size_t>(plan.steps - 1));
  }

  void visit(const events::CustomerEvents& events) {
    if ((++visited_ & 1023) == 0) execution_->poll();
    if (common_) {
      if (latest_(events, found_))
        tell(found_, {events.first, events.first + events.size()},
             latest_.at_landmark(events, found_));
    } else {
      walk_(events, [this](const Reach& found, const UnitWalk::Place& place, const Standing& then) {
        tell(found, place, then);
      });
    }
  }

  void merge(FunnelScan&& later) { parts_.push_back(std::move(later.units_)); }

  FunnelUnits finish() && {
    append(units_, parts_, *execution_);
    return std::move(units_);
  }

 private:
  void tell(const Reach& found, const UnitWalk::Place& place, const Standing& then) {
    const auto unit = std::ssize(units_.reached);
    units_.reached.push_back(found.reached);
    for (int k = 1; k < plan_->steps; ++k) {
      const auto at = static_cast<std::size_t>(k);
      FunnelUnits::Times& times = units_.at[at - 1];
      if (found.reached & bit_of(k)) {
        times.unit.push_back(unit);
        times.time.push_back(found.at[at] - found.start[at]);
        times.lag.push_back(found.at[at] - found.before[at]);
      } else if (found.open_since[at] != kNever) {
        times.unit.push_back(unit);
        times.time.push_back(log_->observed_until - found.open_since[at]);
        times.lag.push_back(FunnelUnits::kNotYet);
      }
    }
    if (then.open) units_.then.push_back({unit, then.open, then.came});
    if (plan_->split)
      units_.group.push_back(place.split);
    else if (plan_->by)
      units_.group.push_back(value_of(found, place));
  }

  std::int32_t value_of(const Reach& found, const UnitWalk::Place& place) const {
    const auto& property = log_->property[*plan_->by];
    const int furthest = found.furthest();
    const auto at = static_cast<std::size_t>(furthest);
    const bool last = plan_->by_last && furthest > 0;
    if (place.own >= 0 && !last) return property[place.own];
    const std::int64_t t = last ? found.at[at] : found.start[at];
    const bool ordered = plan_->order == StepOrder::ordered || plan_->order == StepOrder::strict;
    const Steps every = all_steps(plan_->steps);
    const Steps steps = ordered                          ? bit_of(last ? furthest : 0)
                        : plan_->order == StepOrder::any ? every
                        : last                           ? every & ~Steps{1}
                                                         : Steps{1};
    const std::int64_t* const time = log_->time.data();
    std::int64_t row = std::upper_bound(time + place.first, time + place.last, t) - time;
    while (row-- > place.first && time[row] == t)
      if ((plan_->step_of[log_->event[row]] & steps) &&
          (!plan_->hold || log_->property[*plan_->hold][row] == found.value[at]))
        return property[row];
    return events::kNoValue;
  }

  const events::EventLog* log_;
  const FunnelPlan* plan_;
  const Execution* execution_;
  bool common_;
  LatestStart latest_;
  UnitWalk walk_;
  Reach found_;
  FunnelUnits units_;
  std::vector<FunnelUnits> parts_;  ///< of customers that come later, in order
  std::int64_t visited_ = 0;
};

}  // namespace

FunnelUnits& FunnelUnits::operator+=(const FunnelUnits& later) {
  if (steps != later.steps) refuse("later", "must have as many steps");
  if (!reached.empty() && !later.reached.empty() && group.empty() != later.group.empty())
    refuse("later", "must have groups if the units before have them");
  append(*this, {&later, 1}, {});
  return *this;
}

FunnelUnits funnel_units(const events::EventLog& log, const FunnelPlan& plan,
                         const Execution& execution) {
  require_valid(log, plan, execution);
  return events::run_scan(log, FunnelScan(log, plan, execution), execution).finish();
}

}  // namespace tenure::journey
