#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::lifecycle {

/// Stages of customers at dates: dates x customers; codes below `stages`, or kUnknown (255) for who
/// is not a customer at that date.
struct PanelCodes {
  std::span<const std::uint8_t> codes;
  std::int64_t customers;
  std::int64_t stages;
};

/// Moves from one date to the next. States are the stages and, as the last, outside: a move from it
/// is a birth, one to it an exit. S = stages + 1.
struct MoveCounts {
  std::vector<std::int64_t> counts;  ///< periods x S x S
  std::vector<std::int64_t> movers;  ///< S: customers with a move from the state
  /// With n_cij the moves of customer c and n_ci their sum over j: what a variance by customer
  /// needs.
  std::vector<std::int64_t> squares;      ///< S x S: sum over c of n_cij^2
  std::vector<std::int64_t> products;     ///< S x S: sum over c of n_cij n_ci
  std::vector<std::int64_t> row_squares;  ///< S: sum over c of n_ci^2
  std::vector<std::int64_t> runs;         ///< S: stays that began and ended between two dates
  std::vector<std::int64_t> run_periods;  ///< S: their lengths, added up
};

/// One pass, O(dates x customers + blocks x periods x S^2). Whole numbers: same for any thread
/// count. Throws InvalidInput for a code out of range (its row is the place in `codes`) and for
/// fewer than two dates.
MoveCounts count_moves(const PanelCodes& panel, const Execution& execution);

/// Revenue by the stage at the start of each period; the last state holds who was born in it.
struct StageValues {
  std::vector<std::int64_t> rows;     ///< S: customers x periods
  std::vector<std::int64_t> members;  ///< S: customers
  std::vector<double> mean;           ///< S: revenue a customer and period; NaN without rows
  std::vector<double> error;   ///< S: standard error, a customer's periods taken as one cluster
  std::vector<double> spread;  ///< S: standard deviation over customers and periods
};

/// `revenue`: periods x customers, where period d runs from date d to d + 1. Two passes. Same bits
/// for any thread count. Throws as `count_moves`, and for a revenue that is not finite.
StageValues stage_values(const PanelCodes& panel, std::span<const double> revenue,
                         const Execution& execution);

}  // namespace tenure::lifecycle
