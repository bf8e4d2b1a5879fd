#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Rows of a proportional-hazards regression. Views: nothing is copied. Several rows may belong to
/// one customer: each tells of the time (entry, duration]. Offsets lie between -1e6 and 1e6, and,
/// of rows with a weight, at most 700 below the largest of their stratum.
struct CoxSample {
  std::span<const double> x;  ///< n x columns, by row, finite
  std::int64_t columns = 0;
  std::span<const double> duration;       ///< end of the row's time, finite, >= 0
  std::span<const std::uint8_t> churned;  ///< 1: churn at `duration`
  /// Start of the row's time, finite, >= 0 and < duration; 0 means from the start, also where
  /// duration is 0. Absent: 0.
  std::optional<std::span<const double>> entry = {};
  std::optional<std::span<const double>> weight = {};         ///< finite, >= 0. Absent: 1
  std::optional<std::span<const double>> offset = {};         ///< see below. Absent: 0
  std::optional<std::span<const std::int32_t>> stratum = {};  ///< 0, 1, ... Absent: one stratum
};

/// Rows in the order of a regression: by stratum, then from the last time to the first. Time itself
/// is gone: each distinct time of churn in a stratum is a *slot*, and each stratum ends with an
/// empty slot. Row i is at risk at the slots [first[i], last[i]).
///
/// The rows of slot g, [row_begin[g], row_begin[g+1]), are those at risk at g for the first time in
/// this order: last seen at or after g's time and before that of the slot before; those who
/// churned at g stand at the end. Rows at risk at no slot, and rows of weight 0, are left out.
struct CoxData {
  std::int64_t sample_rows = 0;  ///< of the sample
  std::int64_t columns = 0;
  std::int64_t stride = 0;  ///< columns, rounded up to a multiple of 8
  std::int64_t strata = 0;
  double total_weight = 0.0;  ///< of all rows of the sample
  bool weighted = false;      ///< a weight other than 1 was given
  bool truncated = false;     ///< a row leaves before the end of its stratum

  // by column
  std::vector<double> mean;   ///< weighted, over all rows
  std::vector<double> scale;  ///< spread; 1 for a constant column
  std::vector<double> least, most;

  // by row
  Buffer<double> x;  ///< rows x stride: (x - mean) / scale, padded with 0
  std::vector<double> weight, offset;
  std::vector<std::uint8_t> churned;
  std::vector<std::int32_t> stratum;
  std::vector<std::int64_t> first, last;
  std::vector<std::int64_t> source;  ///< its row in the sample

  // by slot
  std::vector<double> time;               ///< NaN for the end of a stratum
  std::vector<std::int64_t> row_begin;    ///< slots + 1
  std::vector<std::int64_t> deaths;       ///< rows that churned; 0 for the end of a stratum
  std::vector<double> death_weight;       ///< their weight
  std::vector<std::int64_t> leave_begin;  ///< slots + 1, into `leaver`
  std::vector<std::int64_t> leaver;       ///< rows by `last`, those that leave before the end

  // by stratum
  std::vector<std::int64_t> slot_begin;  ///< strata + 1

  std::int64_t rows() const { return static_cast<std::int64_t>(source.size()); }
  std::int64_t slots() const { return static_cast<std::int64_t>(deaths.size()); }
};

/// Orders, checks, centres and scales. Churn at t is at risk at t; whoever is censored at t, too.
/// O(n) for the radix sort of times, O(n columns) for the copy; bound by memory. Deterministic.
///
/// Throws InvalidInput for a bad cell and for spans of unequal length.
CoxData prepare_cox(const CoxSample& sample, const Execution& execution = {});

/// (x - mean) / scale times beta, plus the offset, by row of the sample; 0 for rows left out.
std::vector<double> linear_predictor(const CoxData& data, std::span<const double> beta);

}  // namespace tenure::churn
