#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/journey/attribution.hpp"
#include "tenure/journey/states.hpp"

namespace tenure::journey {

/// Touches up to a conversion, or without one. Views into the walk: they live until it goes on.
struct TouchPath {
  std::span<const std::int32_t> channel;  ///< may be empty, if converted
  std::span<const std::int64_t> time;
  bool converted;
  double amount;
};

/// Cuts the events of a customer into paths. Its memory is that of the longest customer.
class TouchWalk {
 public:
  TouchWalk(const events::EventLog& log, const AttributionPlan& plan, const Execution& execution)
      : plan_(&plan),
        code_(plan.by ? log.property[*plan.by].data() : nullptr),
        execution_(&execution) {}

  /// Calls tell(TouchPath) for every path, in order of time.
  template <class Tell>
  void operator()(const events::CustomerEvents& events, const Tell& tell) {
    if ((++visited_ & 255) == 0) execution_->poll();
    const std::int64_t n = events.size();
    if (static_cast<std::size_t>(n) > channel_.size()) {
      channel_.resize(static_cast<std::size_t>(n) * 2);
      time_.resize(static_cast<std::size_t>(n) * 2);
    }
    touches_ = 0;
    for (std::int64_t i = 0, next; i < n; i = next) {
      const std::int64_t t = events.time[static_cast<std::size_t>(i)];
      bool converted = false;
      double amount = 0.0;
      for (next = i; next < n && events.time[static_cast<std::size_t>(next)] == t; ++next) {
        if ((++rows_ & 0xFFFF) == 0) execution_->poll();
        const auto at = static_cast<std::size_t>(next);
        const std::uint16_t event = events.event[at];
        if (plan_->conversion[event]) {
          const double paid = events.amount.empty() ? 0.0 : events.amount[at];
          if (paid < 0.0) continue;
          converted = true;
          amount += paid;
        } else if (plan_->touch[event]) {
          touch(code_ ? code_[events.first + next] : event, t);
        }
      }
      if (converted) convert(t, amount, tell);
    }
    if (touches_ > 0) tell(path(0, false, 0.0));
  }

 private:
  void touch(std::int32_t code, std::int64_t t) {
    if (code < 0) return;
    const std::int32_t channel = plan_->channel_of[static_cast<std::size_t>(code)];
    if (channel == kNoState) return;
    channel_[touches_] = channel;
    time_[touches_++] = t;
  }

  template <class Tell>
  void convert(std::int64_t t, double amount, const Tell& tell) {
    std::size_t first = 0;
    while (first < touches_ && t - time_[first] > plan_->lookback) ++first;
    const std::size_t all = touches_;
    if (first > 0) {
      touches_ = first;
      tell(path(0, false, 0.0));
      touches_ = all;
    }
    tell(path(first, true, amount));
    touches_ = 0;
  }

  TouchPath path(std::size_t first, bool converted, double amount) const {
    return {std::span(channel_).subspan(first, touches_ - first),
            std::span(time_).subspan(first, touches_ - first), converted, amount};
  }

  const AttributionPlan* plan_;
  const std::int32_t* code_;
  const Execution* execution_;
  std::int64_t visited_ = 0, rows_ = 0;
  std::size_t touches_ = 0;
  std::vector<std::int32_t> channel_;
  std::vector<std::int64_t> time_;
};

}  // namespace tenure::journey
