#include "cell_sums.hpp"
#include "tenure/cohort/retention_rates.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

void require_options(const RateOptions& options) {
  if (options.min_events < 1)
    throw InvalidInput("min_events", -1, static_cast<double>(options.min_events), ">= 1");
  if (options.value == Value::customers) return;
  if (options.match != Match::on)
    throw InvalidInput("match", -1, "counts customers: it needs value='customers'");
  if (options.min_events != 1)
    throw InvalidInput("min_events", -1, "counts customers: it needs value='customers'");
  if (options.value == Value::cumulative_revenue && options.denominator == Denominator::previous)
    throw InvalidInput("denominator", -1, "'at_risk' or 'cohort' for cumulative revenue");
}

}  // namespace

RetentionCells retention_cells(const RetentionTable& table, const RateOptions& options) {
  RetentionCells out;
  out.first_period = table.first_period;
  out.cohorts = table.cohorts;
  out.ages = table.ages;
  out.size = table.size;
  out.observed = table.observed;
  out.active = table.active;
  out.at_risk.assign(table.at_risk.begin(), table.at_risk.end());
  if (options.value == Value::revenue)
    out.count = table.revenue;
  else
    out.count.assign(table.active.begin(), table.active.end());
  // Under the calendar clock a cohort is observed as a whole.
  out.base.resize(out.count.size());
  out.before.resize(out.count.size());
  for (std::int64_t c = 0; c < table.cohorts; ++c)
    for (std::int64_t k = 0; k < table.ages; ++k) {
      out.base[table.cell(c, k)] = out.count[table.cell(c, 0)];
      if (k > 0) out.before[table.cell(c, k)] = out.count[table.cell(c, k - 1)];
    }
  return out;
}

RetentionCells retention_cells(const Members& members, const RateOptions& options,
                               const Execution& execution) {
  require_options(options);
  RetentionCells out;
  out.first_period = members.first_period;
  out.groups = std::max<std::int64_t>(std::ssize(members.group), 1);
  out.cohorts = members.cohorts;
  out.ages = members.ages;
  const std::size_t cells = static_cast<std::size_t>(members.rows() * members.ages);
  out.observed.resize(cells);
  out.active.resize(cells);
  for (std::int64_t row = 0; row < members.rows(); ++row)
    for (std::int64_t k = 0; k <= members.last_age[static_cast<std::size_t>(row)]; ++k)
      out.observed[members.cell(row, k)] = 1;

  CellSums<double> sums =
      sum_cells<double>(members, options, [](std::int64_t) { return 1.0; }, execution);
  for (const double n : sums.size) out.size.push_back(static_cast<std::int64_t>(n));
  out.at_risk = std::move(sums.at_risk);
  out.count = std::move(sums.count);
  out.base = std::move(sums.base);
  out.before = std::move(sums.before);

  if (options.value == Value::customers || options.value == Value::cumulative_revenue) {
    // Of cumulative revenue every member is behind the number, also those who brought nothing.
    const auto& behind = options.value == Value::customers ? out.count : out.at_risk;
    for (std::size_t i = 0; i < cells; ++i) out.active[i] = static_cast<std::int64_t>(behind[i]);
    return out;
  }
  for (std::int64_t i = 0; i < std::ssize(members.members); ++i) {
    if (i % 1024 == 0) execution.poll();
    const std::int64_t row = members.members[static_cast<std::size_t>(i)].row;
    for (const Members::Cell& cell : members.cells_of(i))
      out.active[members.cell(row, cell.age)] += cell.events > 0;
  }
  return out;
}

}  // namespace tenure::cohort
