#include "tenure/journey/step_matrix.hpp"

#include <string>

#include "state_walk.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/journey/transitions.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {
namespace {

class StepScan {
 public:
  StepScan(const events::EventLog& log, const StatePlan& states, const StepPlan& plan,
           const Execution& execution)
      : states_(states.states),
        anchored_(!plan.anchor.empty()),
        before_(anchored_ ? plan.steps : 0),
        walk_(log, states, execution, plan.anchor) {
    found_.columns = anchored_ ? 2 * plan.steps + 1 : plan.steps;
    found_.count.assign(static_cast<std::size_t>((states_ + 2) * found_.columns), 0);
  }

  void visit(const events::CustomerEvents& events) {
    walk_(events, [this](const UnitVisits& unit) {
      if (anchored_ && unit.marked < 0) {
        ++found_.without_anchor;
        return;
      }
      ++found_.units;
      const std::int64_t first = (anchored_ ? unit.marked : 0) - before_;
      for (std::int64_t k = 0; k < found_.columns; ++k) {
        const std::int64_t at = first + k;
        const std::int64_t row = at < 0              ? states_
                                 : at >= unit.size() ? states_ + 1
                                                     : unit.state[static_cast<std::size_t>(at)];
        ++found_.count[static_cast<std::size_t>(row * found_.columns + k)];
      }
    });
  }

  void merge(StepScan&& later) {
    for (std::size_t i = 0; i < found_.count.size(); ++i) found_.count[i] += later.found_.count[i];
    found_.units += later.found_.units;
    found_.without_anchor += later.found_.without_anchor;
  }

  StepCounts finish() && { return std::move(found_); }

 private:
  std::int64_t states_;
  bool anchored_;
  std::int64_t before_;
  StateWalk walk_;
  StepCounts found_;
};

}  // namespace

StepCounts step_counts(const events::EventLog& log, const StatePlan& states, const StepPlan& plan,
                       const Execution& execution) {
  require_valid(log, states);
  if (states.states > kMaxTableStates)
    throw InvalidInput("states", -1, static_cast<double>(states.states), "at most 254");
  if (plan.steps < 1 || plan.steps > kMaxMatrixSteps)
    throw InvalidInput("steps", -1, static_cast<double>(plan.steps), "between 1 and 1000");
  if (!plan.anchor.empty()) {
    if (!log.has_event() && log.rows() > 0)
      throw InvalidInput("anchor", -1, std::string("needs event names"));
    for (std::int64_t i = 0; i < log.rows(); ++i)
      if (log.event[i] >= std::ssize(plan.anchor))
        throw InvalidInput("anchor", -1, std::string("must have an entry for each event name"));
  }
  return events::run_scan(log, StepScan(log, states, plan, execution), execution).finish();
}

}  // namespace tenure::journey
