#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::journey {

inline constexpr int kMaxSteps = 32;

/// A window without end. Far beyond any two instants of a log, and sums of it do not overflow.
inline constexpr std::int64_t kNoWindow = std::int64_t{1} << 60;

/// One bit a step: bit 0 is step 1.
using Steps = std::uint32_t;

/// ordered: others may lie between. strict: nothing may. any: any order. anchored: step 1 first,
/// the rest in any order.
enum class StepOrder : std::uint8_t { ordered, strict, any, anchored };

/// Which events open a chain: any of step 1, the first of them, or each as an attempt of its own.
/// Under `StepOrder::any` events of any step do.
enum class ChainStart : std::uint8_t { any, first, every };

/// What a funnel asks. A chain is a choice of one event for each of some steps that keeps to all of
/// these rules; chains are judged by the times of their events, never by the order of rows.
struct FunnelPlan {
  int steps = 0;                      ///< 1 to kMaxSteps
  std::vector<Steps> step_of;         ///< by event code: the steps that such an event may serve
  std::vector<std::uint8_t> exclude;  ///< by event code: 1 breaks a chain; empty: none
  Steps optional = 0;                 ///< steps that an ordered chain may skip; never step 1
  std::vector<std::int64_t> window;   ///< by step (that of step 1 is not read), inclusive, >= 0
  bool window_from_previous = false;  ///< counted from the step before instead of from step 1
  StepOrder order = StepOrder::ordered;
  ChainStart start = ChainStart::any;
  bool increasing = false;  ///< times of a chain must increase; else equal times go in any order
  bool reuse = false;       ///< one event may serve several steps
  std::optional<std::size_t> hold = {};   ///< property whose value all events of a chain share
  std::optional<std::size_t> split = {};  ///< the same, and each value is a unit of its own
  std::optional<std::int64_t> session_gap = {};  ///< units are sessions; absent: customers
  std::optional<std::size_t> by = {};            ///< property that groups the units
  bool by_last = false;                          ///< of the last reached step instead of the first
};

/// One row for each unit (customer, session or attempt) that reached step 1, in order of customers,
/// then of split and held values, then of time.
///
/// Step k is reached if some chain ends with it; under `any` and `anchored`, if some chain has k
/// events. Told of it is the chain that ends first; among those, the one that starts last; and of
/// those, the one whose event before is last.
struct FunnelUnits {
  /// Of the units that are at a step or may still come there, in their order; most never do.
  struct Times {
    std::vector<std::int64_t> unit;
    /// Microseconds from the chain's start to the step; for units that may still come, from the
    /// latest start that may lead there to `observed_until`.
    std::vector<std::int64_t> time;
    std::vector<std::int64_t> lag;  ///< from the event before to the step; kNotYet
  };
  static constexpr std::int64_t kNotYet = -1;

  /// A unit that was open at some step at the landmark: one longest chain (the longest window, or
  /// the sum of windows from the step before) before `observed_until`.
  struct Landmark {
    std::int64_t unit;
    Steps open;  ///< not reached by then; a chain that had begun could still reach it
    Steps came;  ///< those of them that a chain begun before the landmark reached after it
  };

  int steps = 0;
  std::vector<Steps> reached;
  std::vector<Times> at;  ///< by step from the second on
  /// By unit, with `by` or `split`: code of the value of the last event, in the log's order, at the
  /// instant of the first (last) step of the furthest chain that can serve it; kNoValue for none.
  std::vector<std::int32_t> group;
  /// In order of units. Only under `ChainStart::any`; none if a window has no end.
  std::vector<Landmark> then = {};

  /// Adds units of customers that come later, found by the same plan. Throws InvalidInput for
  /// another number of steps, or if only one of both has groups.
  FunnelUnits& operator+=(const FunnelUnits& later);
};

/// Finds the chains. A plan of ordered steps with windows from step 1, any start and nothing else
/// takes one pass that keeps the latest start by step (a later start dominates): O(rows), bound by
/// memory and mispredicted branches, nothing allocated by customer. Other plans are exact too:
/// ordered ones keep one state by step, O(rows x steps); any order keeps one basis of at most
/// `steps` events, O(rows x steps^2); `start = every`, and anchored plans whose step 1 shares event
/// names with other steps, look at each start by itself, O(starts x events in a window).
///
/// Under `start = any` customers with a start in the longest chain's time before the landmark are
/// looked at again, in one pass over the rows since then or, where the plan asks for it, start by
/// start.
///
/// Same bits for any thread count. Throws InvalidInput if the plan does not fit the log or itself.
FunnelUnits funnel_units(const events::EventLog& log, const FunnelPlan& plan,
                         const Execution& execution);

}  // namespace tenure::journey
