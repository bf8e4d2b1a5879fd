#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/cohort/members.hpp"
#include "tenure/cohort/retention.hpp"

namespace tenure::cohort {

/// What is retained: customers who are active; money; return events; money up to that age.
enum class Value : std::uint8_t { customers, revenue, events, cumulative_revenue };

/// When a customer counts at age k: active at k; at every age 0..k; at some age >= k. The last one
/// is censored where observation ends, and estimated as a time to event.
enum class Match : std::uint8_t { on, on_or_before, on_or_after };

/// What a cell is divided by. For revenue: that of age 0 of those observed at that age; that of age
/// 0; that of the age before. For everything else: those observed at that age; the size of the
/// cohort; what was counted at the age before. `previous` is that of members observed at this age.
enum class Denominator : std::uint8_t { cohort, previous, at_risk };

/// Over cohorts: sums divided by sums, or the mean of the rates.
enum class MeanKind : std::uint8_t { weighted, simple };

struct RateOptions {
  Value value = Value::customers;
  Denominator denominator = Denominator::at_risk;
  MeanKind mean = MeanKind::weighted;
  Match match = Match::on;      ///< other than `on`: of customers only
  std::int64_t min_events = 1;  ///< return events that make a customer active; of customers only

  /// Whether a cell counts some of those it is divided by, so that a binomial interval fits it.
  /// Those active in a period need not have been active in the one before.
  bool is_proportion() const {
    return value == Value::customers && denominator != Denominator::previous;
  }
};

/// Sums by cell: rows x ages, row-major, a row being a cohort of a group. Not observed: 0.
struct RetentionCells {
  std::int64_t first_period = 0;  ///< of the first cohort; the others follow on
  std::int64_t groups = 1;
  std::int64_t cohorts = 0;
  std::int64_t ages = 0;
  std::vector<std::int64_t> size;      ///< members by row, as far as seen
  std::vector<std::uint8_t> observed;  ///< by cell
  std::vector<std::int64_t> active;    ///< members with a return event in the cell
  std::vector<double> at_risk;         ///< members observed throughout the cell
  std::vector<double> count;           ///< numerators, of those at risk
  std::vector<double> base;            ///< count at age 0 of those at risk here
  std::vector<double> before;          ///< count at the age before of those at risk here

  std::int64_t rows() const { return groups * cohorts; }
  std::size_t cell(std::int64_t row, std::int64_t age) const {
    return static_cast<std::size_t>(row * ages + age);
  }
};

/// The cells of a table of one group; `options` with match `on` and a value that the table has.
RetentionCells retention_cells(const RetentionTable& table, const RateOptions& options);

/// The cells of members. O(members + their cells + rows x ages). Throws InvalidInput for min_events
/// < 1, and for a match or min_events that the value does not know.
RetentionCells retention_cells(const Members& members, const RateOptions& options,
                               const Execution& execution);

/// Cells are as in `RetentionCells`, means groups x ages. NaN: not observed, or nothing to divide
/// by.
struct RetentionRates {
  std::vector<double> count;  ///< numerators
  std::vector<double> denominator;
  std::vector<double> rate;        ///< NaN also where the denominator is not positive
  std::vector<double> mean_count;  ///< sum of numerators over cohorts observed at that age
  std::vector<double> mean_denominator;
  std::vector<double> mean;
  std::vector<std::int64_t> mean_cohorts;  ///< cohorts behind the mean
};

/// O(cells). Of `on_or_after` these are the shares seen to return, without regard to censoring.
RetentionRates retention_rates(const RetentionCells& cells, const RateOptions& options);
RetentionRates retention_rates(const RetentionTable& table, const RateOptions& options);

struct RetentionLimits {
  std::vector<double> lower, upper;            ///< by cell; NaN where the rate is
  std::vector<double> mean_lower, mean_upper;  ///< by group and age
};

struct BootstrapOptions {
  std::int64_t replicates = 1000;
  std::uint64_t seed = 0;
  double level = 0.95;
};

/// Percentile limits of rates and means from resampled customers: in each replicate a customer
/// counts Poisson(1) times, everything it did together, and all rates are computed anew. [Efron
/// 1979, Annals of Statistics 7:1-26; Poisson weights: Hanley & MacGibbon 2006, Computer Methods
/// and Programs in Biomedicine 83:57-62]
///
/// Quantiles are of type 7 over the replicates in which the rate exists. The weight of a customer
/// in a replicate depends on (seed, customer code, replicate) alone: same bits for any thread
/// count. O(replicates x (members + their cells)) time, and rows x ages^2 a replicate for
/// `on_or_after`; O(members + replicates x cells) memory; bound by the random numbers. Throws
/// InvalidInput for replicates < 2, a level outside (0, 1), or more than 2^27 replicates of cells.
RetentionLimits retention_bootstrap(const Members& members, const RateOptions& options,
                                    const BootstrapOptions& bootstrap, const Execution& execution);

}  // namespace tenure::cohort
