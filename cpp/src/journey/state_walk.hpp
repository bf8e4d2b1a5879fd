#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/journey/states.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::journey {

/// The visits of one customer or session. Views into the walk: they live until it goes on.
struct UnitVisits {
  std::int64_t customer;
  std::span<const std::int32_t> state;
  std::span<const std::int64_t> time;
  std::int64_t last;    ///< time of the last event, in a state or not
  std::int64_t marked;  ///< visit with the first marked event; -1: none

  std::int64_t size() const { return std::ssize(state); }
};

/// Cuts the events of a customer into units. Its memory is that of the longest customer.
class StateWalk {
 public:
  /// `mark`, by event code, if not empty: 1 for events to look for.
  StateWalk(const events::EventLog& log, const StatePlan& plan, const Execution& execution,
            std::span<const std::uint8_t> mark = {})
      : code_(plan.by ? log.property[*plan.by].data() : nullptr),
        event_(log.event.data()),
        state_of_(plan.state_of),
        mark_(mark),
        gap_(plan.session_gap.value_or(std::numeric_limits<std::int64_t>::max())),
        collapse_(plan.collapse),
        execution_(&execution) {}

  /// Calls tell(UnitVisits) for every unit with a visit.
  template <class Tell>
  void operator()(const events::CustomerEvents& events, const Tell& tell) {
    if ((++visited_ & 1023) == 0) execution_->poll();
    const std::int64_t n = events.size();
    if (static_cast<std::size_t>(n) > state_.size()) {
      state_.resize(static_cast<std::size_t>(n) * 2);
      time_.resize(static_cast<std::size_t>(n) * 2);
    }
    const std::int64_t* const at = events.time.data();
    std::int64_t* const time = time_.data();
    std::int32_t* const state = state_.data();
    std::int64_t visits = 0, marked = -1;
    const auto close = [&](std::int64_t last) {
      const auto size = static_cast<std::size_t>(visits);
      if (visits > 0) tell(UnitVisits{events.customer, {state, size}, {time, size}, last, marked});
      visits = 0;
      marked = -1;
    };
    for (std::int64_t i = 0; i < n; ++i) {
      if ((i & 0xFFFF) == 0xFFFF) execution_->poll();
      if (i > 0 && at[i] - at[i - 1] > gap_) close(at[i - 1]);
      const std::int64_t row = events.first + i;
      const std::int32_t code = code_ ? code_[row] : event_[row];
      const std::int32_t s = code < 0 ? kNoState : state_of_[static_cast<std::size_t>(code)];
      if (s == kNoState) continue;
      if (!(collapse_ && visits > 0 && state[visits - 1] == s)) {
        state[visits] = s;
        time[visits] = at[i];
        ++visits;
      }
      if (!mark_.empty() && marked < 0 && mark_[event_[row]]) marked = visits - 1;
    }
    if (n > 0) close(at[n - 1]);
  }

 private:
  const std::int32_t* code_;
  const std::uint16_t* event_;
  std::span<const std::int32_t> state_of_;
  std::span<const std::uint8_t> mark_;
  std::int64_t gap_;
  bool collapse_;
  const Execution* execution_;
  std::int64_t visited_ = 0;
  std::vector<std::int32_t> state_;
  std::vector<std::int64_t> time_;
};

}  // namespace tenure::journey
