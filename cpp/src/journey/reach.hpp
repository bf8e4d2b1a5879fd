#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include "tenure/journey/funnel.hpp"

namespace tenure::journey {

/// Earlier than every instant, and so far that no window reaches back to it.
inline constexpr std::int64_t kNever = -(std::int64_t{1} << 61);

constexpr Steps bit_of(int step) { return Steps{1} << step; }

/// All steps of a plan.
constexpr Steps all_steps(int steps) { return steps == kMaxSteps ? ~Steps{0} : bit_of(steps) - 1; }

/// Steps from..to, both included.
constexpr Steps steps_between(int from, int to) {
  return from > to ? 0 : all_steps(to + 1) & ~(bit_of(from) - 1);
}

/// The chain that is told of each step (counted from 0), and who may still get there.
struct Reach {
  Steps reached = 0;
  std::array<std::int64_t, kMaxSteps> at, start, before;
  std::array<std::int64_t, kMaxSteps> open_since;  ///< latest start of a live chain, or kNever
  std::array<std::int32_t, kMaxSteps> value;       ///< of the held property
  std::int32_t held = -1;                          ///< its value in the chains now offered

  void clear(int steps) {
    reached = 0;
    clear_open(steps);
  }
  void clear_open(int steps) { std::fill_n(open_since.begin(), steps, kNever); }

  void offer(int step, std::int64_t t, std::int64_t from, std::int64_t previous) {
    const auto k = static_cast<std::size_t>(step);
    if (reached & bit_of(step)) {
      if (t != at[k] ? t > at[k] : from != start[k] ? from < start[k] : previous <= before[k])
        return;
    }
    reached |= bit_of(step);
    at[k] = t;
    start[k] = from;
    before[k] = previous;
    value[k] = held;
  }

  void may_follow(int step, std::int64_t from) {
    auto& since = open_since[static_cast<std::size_t>(step)];
    since = std::max(since, from);
  }

  /// Steps that a live chain may still reach.
  Steps open(int steps) const {
    Steps open = 0;
    for (int k = 0; k < steps; ++k)
      if (open_since[static_cast<std::size_t>(k)] != kNever) open |= bit_of(k);
    return open;
  }

  int furthest() const { return kMaxSteps - 1 - std::countl_zero(reached); }
};

/// An event as a chain sees it.
struct Item {
  std::int64_t time;
  Steps steps;    ///< that it may serve
  bool excluded;  ///< it breaks chains
};

}  // namespace tenure::journey
