#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/support/order_free_sum.hpp"

namespace tenure::cohort {

struct RetentionOptions {
  Period period = Period::month;             ///< of cohorts and of ages
  std::optional<std::int64_t> max_age = {};  ///< last age to count; absent: all observed
  bool revenue = true;                       ///< whether to sum amounts; else `revenue` is empty
};

/// Cohorts by age. Matrices are row-major, cohorts x ages; a cell that is not observed holds 0.
struct RetentionTable {
  std::int64_t first_period = 0;       ///< index of the first cohort's period; the others follow on
  std::int64_t cohorts = 0;            ///< up to the last one with a customer, empty ones included
  std::int64_t ages = 0;               ///< 0, 1, ... up to the oldest observed, at least one
  std::vector<std::int64_t> size;      ///< customers by cohort, as far as seen
  std::vector<std::uint8_t> observed;  ///< 1: the cell's period ended within the observation
  std::vector<std::int64_t> at_risk;   ///< customers of the cohort observed throughout the cell
  std::vector<std::int64_t> active;    ///< customers with an order in the cell
  std::vector<double> revenue;         ///< net amounts in the cell, refunds included
  std::int64_t without_orders = 0;     ///< customers without an order, who have no cohort
  double unassigned_revenue = 0.0;     ///< refunds before the first order: in no cell

  std::size_t cell(std::int64_t cohort, std::int64_t age) const {
    return static_cast<std::size_t>(cohort * ages + age);
  }
};

/// What was counted of some customers: a state that merges. By all periods of the observation, x
/// ages from 0 on, row-major.
struct RetentionCounts {
  std::int64_t first_period = 0;  ///< of the observation
  std::int64_t complete = 0;      ///< the last period that ended by its end
  std::int64_t periods = 0, ages = 0;
  std::vector<std::int64_t> size;     ///< customers by period of the first order; empty: nobody's
  std::vector<std::int64_t> active;   ///< by cell
  std::vector<OrderFreeSum> revenue;  ///< by cell; empty if not asked for
  std::int64_t without_orders = 0;
  OrderFreeSum unassigned;

  /// Adds other customers of the same observation. Throws InvalidInput for another shape.
  RetentionCounts& operator+=(const RetentionCounts& other);
};

/// The counts of one log. Throws InvalidInput if there are more than 2^24 cells.
RetentionCounts retention_counts(const events::EventLog& log, const RetentionOptions& options,
                                 const Execution& execution);

/// The cells that exist: from the first cohort with a customer to the last. `max_age` of the
/// options that the counts were made with.
RetentionTable retention_table(const RetentionCounts& counts,
                               std::optional<std::int64_t> max_age = {});

/// Calendar cohorts of customers by the period of their first order ever, and what they did k
/// periods later: active means at least one order row in that very period (a period with nothing
/// but refunds is not active, but its money counts).
///
/// Periods follow the log's time zone. A cell is observed if its period ends at or before
/// `observed_until`; under the calendar clock that is the same for all customers of a cohort, so
/// `at_risk` is the cohort's size. The last cohort may have begun and not ended: its size is what
/// was seen, its cells are not observed.
///
/// One pass, O(rows); bound by reading times and amounts. State O(cohorts x ages), at most
/// 256 MB. Money is added free of order: same bits for any thread count and split by customer.
/// Throws InvalidInput if there are more than 2^24 cells.
RetentionTable retention(const events::EventLog& log, const RetentionOptions& options,
                         const Execution& execution);

}  // namespace tenure::cohort
