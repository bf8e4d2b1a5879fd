#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/lifecycle/rule_program.hpp"
#include "tenure/lifecycle/stages.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::lifecycle {

/// By what a customer counts as active, lapsing or lost.
enum class ClockKind : std::uint8_t {
  population,  ///< r against A and L
  own,         ///< r against A and L times the customer's own mean gap over that of all
  alive,       ///< P(alive)
  contract,    ///< days to the end of the contract
};

/// The own clock: g_i = (k gbar + sum of gaps) / (k + n - 1), A_i = max(A g_i / gbar, N + 1), L_i =
/// max(L g_i / gbar, A_i + 1); without any gap in the log as the population's. Alive: p >=
/// `alive_above` active, p >= `lost_below` lapsing. Contract: in force active, ended at most L days
/// ago lapsing; without an end in force.
struct Clock {
  ClockKind kind = ClockKind::population;
  double prior_gaps = 5.0;  ///< k
  double alive_above = 0.7, lost_below = 0.3;
  std::span<const double> alive = {};         ///< dates x customers; in [0, 1] for who has an order
  std::span<const double> contract_end = {};  ///< by customer: last local day in force, or NaN
};

/// Facts that conditions may name, in this order; behind them come the columns of the caller.
enum class Fact : std::int32_t {
  orders,
  days_since_last,
  mean_gap,
  last_gap,
  net_value,
  window_orders,
  window_value,
  days_since_first,
  sessions,  ///< of customers without an order: runs of events less than 30 minutes apart
  silent,    ///< of customers without an order: days since the last event
  identified,
  active,
  lapsing,
  lost,
  active_days,
  lapsed_days,
  days_to_end,    ///< of the contract; negative: it has ended
  contract_days,  ///< since the contract began
  new_days,
  frequency_q50,
  frequency_q80,
  value_q40,
  value_q60,
  value_q80,
  count
};

/// A column of the caller: one value a customer, or dates x customers.
struct FactColumn {
  std::span<const double> values;
};

/// How customers are labelled: by the rules of "seed", or by a program over facts.
struct PanelRules {
  const RuleProgram* program = nullptr;      ///< absent: `seed_rules`
  std::span<const std::uint8_t> identified;  ///< by customer
  std::span<const double> contract_start = {};
  std::vector<FactColumn> columns = {};
};

struct PanelDates {
  std::span<const std::int64_t> at;  ///< ascending, at least one
  std::int64_t window_days = 365;
};

/// The calibration of each date. One pass whatever their number, O(rows + dates x customers).
/// Throws as `calibrate` and for dates that do not ascend.
std::vector<Calibration> calibrate_panel(const events::EventLog& log, const PanelDates& dates,
                                         const CalibrationOptions& options,
                                         const Execution& execution);

/// What `label_panel` writes for customers who were not known yet.
inline constexpr std::uint8_t kUnknown = 255;

/// Index of the first rule that holds, dates x customers; kUnknown, kUnmatched. The same for every
/// date as `assign_stages` gives at it. One pass, O(rows + dates x customers). Same bits for any
/// thread count. Throws InvalidInput for spans of a wrong length and P(alive) outside [0, 1].
Buffer<std::uint8_t> label_panel(const events::EventLog& log, const PanelDates& dates,
                                 std::span<const Calibration> calibrations, const Clock& clock,
                                 const PanelRules& rules, const Execution& execution);

/// Hysteresis: a customer leaves a stage for a worse one (lower rank) only after `patience` dates
/// in a row with a worse one; equal and better ones are taken at once. Codes of stages, dates x
/// customers, in place; kUnknown ends a run. O(dates x customers).
void settle(std::span<std::uint8_t> codes, std::int64_t customers,
            std::span<const std::int32_t> rank, std::int64_t patience, const Execution& execution);

}  // namespace tenure::lifecycle
