#include "tenure/cohort/retention_rates.hpp"

#include <limits>

#include "rate_cells.hpp"

namespace tenure::cohort {

RetentionRates retention_rates(const RetentionCells& cells, const RateOptions& options) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto sum = [](const auto& values, std::size_t i) { return static_cast<double>(values[i]); };
  RetentionRates out;
  out.count.assign(cells.observed.size(), kNan);
  out.denominator.assign(cells.observed.size(), kNan);
  out.rate.assign(cells.observed.size(), kNan);
  for (std::int64_t group = 0; group < cells.groups; ++group)
    for (std::int64_t k = 0; k < cells.ages; ++k) {
      MeanSums sums;
      for (std::int64_t row = group * cells.cohorts; row < (group + 1) * cells.cohorts; ++row) {
        const std::size_t cell = cells.cell(row, k);
        if (!cells.observed[cell]) continue;
        const double count = cells.count[cell];
        const double n =
            denominator_of(cells, static_cast<std::size_t>(row), cell, k, options, sum);
        out.count[cell] = count;
        out.denominator[cell] = n;
        out.rate[cell] = positive_ratio(count, n);
        sums.add(count, n);
      }
      out.mean_count.push_back(sums.count);
      out.mean_denominator.push_back(sums.denominator);
      out.mean.push_back(sums.mean(options.mean));
      out.mean_cohorts.push_back(sums.cohorts);
    }
  return out;
}

RetentionRates retention_rates(const RetentionTable& table, const RateOptions& options) {
  return retention_rates(retention_cells(table, options), options);
}

}  // namespace tenure::cohort
