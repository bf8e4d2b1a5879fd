#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/cohort/retention.hpp"

namespace tenure::cohort {

/// What is retained: customers who are active, or money.
enum class Value : std::uint8_t { customers, revenue };

/// What a cell is divided by. For customers: the size of the cohort; the active of the age before;
/// those observed at that age. For revenue: that of age 0; that of the age before; that of age 0 of
/// the customers observed at that age.
enum class Denominator : std::uint8_t { cohort, previous, at_risk };

/// Over cohorts: sums divided by sums, or the mean of the rates.
enum class MeanKind : std::uint8_t { weighted, simple };

struct RateOptions {
  Value value = Value::customers;
  Denominator denominator = Denominator::at_risk;
  MeanKind mean = MeanKind::weighted;

  /// Whether a cell counts some of those it is divided by, so that a binomial interval fits it.
  /// Those active in a period need not have been active in the one before.
  bool is_proportion() const {
    return value == Value::customers && denominator != Denominator::previous;
  }
};

/// Cells are cohorts x ages, row-major, as in the table. NaN: not observed, or nothing to divide
/// by.
struct RetentionRates {
  std::vector<double> count;  ///< numerators: active customers, or revenue
  std::vector<double> denominator;
  std::vector<double> rate;        ///< NaN also where the denominator is not positive
  std::vector<double> mean_count;  ///< by age: sum of numerators over cohorts observed at it
  std::vector<double> mean_denominator;
  std::vector<double> mean;                ///< by age
  std::vector<std::int64_t> mean_cohorts;  ///< by age: cohorts behind the mean
};

/// O(cells).
RetentionRates retention_rates(const RetentionTable& table, const RateOptions& options);

struct BootstrapOptions {
  std::int64_t replicates = 1000;
  std::uint64_t seed = 0;
  double level = 0.95;
};

struct RetentionLimits {
  std::vector<double> lower, upper;            ///< by cell; NaN where the rate is
  std::vector<double> mean_lower, mean_upper;  ///< by age
};

/// Percentile limits of rates and means from resampled customers: in each replicate a customer
/// counts Poisson(1) times, everything it did together, and all rates are computed anew. [Efron
/// 1979, Annals of Statistics 7:1-26; Poisson weights: Hanley & MacGibbon 2006, Computer Methods
/// and Programs in Biomedicine 83:57-62]
///
/// Quantiles are of type 7 over the replicates in which the rate exists. The weight of a customer
/// in a replicate depends on (seed, customer code, replicate) alone: same bits for any thread
/// count. O(replicates x customer-periods) time, O(customer-periods + replicates x cells) memory;
/// bound by the random numbers. Throws InvalidInput for replicates < 2, a level outside (0, 1), or
/// more than 2^27 replicates of cells. `log` and `period` are those that the
/// table was made of.
RetentionLimits retention_bootstrap(const events::EventLog& log, const RetentionTable& table,
                                    Period period, const RateOptions& rates,
                                    const BootstrapOptions& bootstrap, const Execution& execution);

}  // namespace tenure::cohort
