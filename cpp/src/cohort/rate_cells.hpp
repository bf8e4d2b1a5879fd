#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "tenure/cohort/retention_rates.hpp"

namespace tenure::cohort {

inline double positive_ratio(double count, double denominator) {
  return denominator > 0.0 ? count / denominator : std::numeric_limits<double>::quiet_NaN();
}

/// The denominator of an observed cell; NaN where there is none. `sum(array, index)` reads one of
/// the arrays of `cells`, of the data or of a replicate.
template <class Cells, class Sum>
double denominator_of(const Cells& cells, std::size_t row, std::size_t cell, std::int64_t age,
                      const RateOptions& options, const Sum& sum) {
  switch (options.denominator) {
    case Denominator::previous:
      return age == 0 ? std::numeric_limits<double>::quiet_NaN() : sum(cells.before, cell);
    case Denominator::at_risk:
      return sum(options.value == Value::revenue ? cells.base : cells.at_risk, cell);
    case Denominator::cohort:
      break;
  }
  if (options.value == Value::revenue) return sum(cells.base, cell - static_cast<std::size_t>(age));
  return static_cast<double>(sum(cells.size, row));
}

struct MeanSums {
  double count = 0.0, denominator = 0.0, rates = 0.0;
  std::int64_t cohorts = 0;  ///< those with a denominator that is not NaN and a rate

  void add(double n_count, double n) {
    if (std::isnan(n)) return;
    count += n_count;
    denominator += n;
    const double rate = positive_ratio(n_count, n);
    if (std::isnan(rate)) return;
    rates += rate;
    ++cohorts;
  }

  double mean(MeanKind kind) const {
    if (kind == MeanKind::weighted) return positive_ratio(count, denominator);
    return positive_ratio(rates, static_cast<double>(cohorts));
  }
};

}  // namespace tenure::cohort
