#include "tenure/cohort/retention_rates.hpp"

#include <limits>

#include "rate_cells.hpp"

namespace tenure::cohort {

RetentionRates retention_rates(const RetentionTable& table, const RateOptions& options) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const bool customers = options.value == Value::customers;
  const std::size_t cells = table.observed.size();
  std::vector<double> count(cells, kNan), base(cells, kNan);
  for (std::int64_t c = 0; c < table.cohorts; ++c)
    for (std::int64_t k = 0; k < table.ages; ++k) {
      const std::size_t cell = table.cell(c, k);
      if (!table.observed[cell]) continue;
      count[cell] = customers ? static_cast<double>(table.active[cell]) : table.revenue[cell];
      // Under the calendar clock a cohort is observed as a whole, so that revenue of age 0 of those
      // at risk is that of the cohort.
      base[cell] = !customers ? table.revenue[table.cell(c, 0)]
                   : options.denominator == Denominator::cohort
                       ? static_cast<double>(table.size[static_cast<std::size_t>(c)])
                       : static_cast<double>(table.at_risk[cell]);
    }

  RetentionRates out;
  out.denominator.assign(cells, kNan);
  out.rate.assign(cells, kNan);
  const RateCells view{count, base};
  for (std::int64_t k = 0; k < table.ages; ++k) {
    for (std::int64_t c = 0; c < table.cohorts; ++c) {
      const std::size_t cell = table.cell(c, k);
      if (!table.observed[cell]) continue;
      out.denominator[cell] = denominator_of(view, cell, k, options.denominator);
      out.rate[cell] = positive_ratio(count[cell], out.denominator[cell]);
    }
    const MeanSums sums = mean_sums(table, view, k, options.denominator);
    out.mean_count.push_back(sums.count);
    out.mean_denominator.push_back(sums.denominator);
    out.mean.push_back(sums.mean(options.mean));
    out.mean_cohorts.push_back(sums.cohorts);
  }
  out.count = std::move(count);
  return out;
}

}  // namespace tenure::cohort
