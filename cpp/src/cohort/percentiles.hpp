#pragma once
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"
#include "tenure/support/quantile.hpp"
#include "tenure/survival/proportion.hpp"

namespace tenure::cohort {

/// Quantiles of the values that exist; NaN if none does. Reorders `values`.
inline survival::Interval percentiles(std::span<double> values, double level) {
  const auto end =
      std::partition(values.begin(), values.end(), [](double v) { return !std::isnan(v); });
  std::sort(values.begin(), end);
  const std::span<const double> sorted(values.begin(), end);
  return {sorted_quantile(sorted, 0.5 * (1.0 - level)),
          sorted_quantile(sorted, 0.5 * (1.0 + level))};
}

/// Limits of each number from its replicates, which lie side by side.
inline void limits_of(std::vector<double>& values, std::size_t replicates, double level,
                      std::vector<double>& lower, std::vector<double>& upper,
                      const Execution& execution) {
  for (std::size_t at = 0; at < values.size(); at += replicates) {
    execution.poll();
    const auto interval = percentiles(std::span(values).subspan(at, replicates), level);
    lower.push_back(interval.lower);
    upper.push_back(interval.upper);
  }
}

}  // namespace tenure::cohort
