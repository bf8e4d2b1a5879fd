#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "tenure/cohort/retention_rates.hpp"

namespace tenure::cohort {

/// Numerators and what denominators are made of, of the data or of a bootstrap replicate.
struct RateCells {
  std::span<const double> count;  ///< by cell
  std::span<const double> base;   ///< by cell: size, at risk or revenue of age 0
};

inline double positive_ratio(double count, double denominator) {
  return denominator > 0.0 ? count / denominator : std::numeric_limits<double>::quiet_NaN();
}

/// The denominator of an observed cell; NaN where there is none.
inline double denominator_of(const RateCells& cells, std::size_t cell, std::int64_t age,
                             Denominator denominator) {
  if (denominator != Denominator::previous) return cells.base[cell];
  return age == 0 ? std::numeric_limits<double>::quiet_NaN() : cells.count[cell - 1];
}

struct MeanSums {
  double count = 0.0, denominator = 0.0, rates = 0.0;
  std::int64_t cohorts = 0;  ///< those with a denominator that is not NaN and a rate

  double mean(MeanKind kind) const {
    if (kind == MeanKind::weighted) return positive_ratio(count, denominator);
    return positive_ratio(rates, static_cast<double>(cohorts));
  }
};

/// Sums over the cohorts observed at one age.
inline MeanSums mean_sums(const RetentionTable& table, const RateCells& cells, std::int64_t age,
                          Denominator denominator) {
  MeanSums sums;
  for (std::int64_t c = 0; c < table.cohorts; ++c) {
    const std::size_t cell = table.cell(c, age);
    if (!table.observed[cell]) break;  // later cohorts are younger
    const double n = denominator_of(cells, cell, age, denominator);
    if (std::isnan(n)) continue;
    sums.count += cells.count[cell];
    sums.denominator += n;
    const double rate = positive_ratio(cells.count[cell], n);
    if (std::isnan(rate)) continue;
    sums.rates += rate;
    ++sums.cohorts;
  }
  return sums;
}

}  // namespace tenure::cohort
