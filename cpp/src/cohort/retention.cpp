#include "tenure/cohort/retention.hpp"

#include <algorithm>

#include "period_index.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

constexpr std::int64_t kMaxCells = std::int64_t{1} << 24;
constexpr std::int64_t kMaxParallelBytes = std::int64_t{256} << 20;
constexpr std::int64_t kScanRanges = 64;

/// Counts into cells of all periods of the observation.
class RetentionScan {
 public:
  RetentionScan(const events::EventLog& log, const PeriodIndex& period, std::int64_t ages,
                bool revenue)
      : log_(&log), period_(&period), with_revenue_(revenue) {
    counts_.first_period = period.first();
    counts_.complete = period.complete();
    counts_.periods = period.last() - period.first() + 1;
    counts_.ages = ages;
  }

  void visit(const events::CustomerEvents& events) {
    if (counts_.size.empty()) allocate();
    require_not_before(events, period_->from());
    if (log_->order_event.empty())
      visit(events, [](std::int64_t) { return true; });
    else
      visit(events, [&](std::int64_t i) {
        return log_->order_event[events.event[static_cast<std::size_t>(i)]] != 0;
      });
  }

  void merge(RetentionScan&& later) { counts_ += later.counts_; }

  RetentionCounts finish() && { return std::move(counts_); }

 private:
  /// Rows before the first order: refunds, whose money belongs to no cell unless they lie in the
  /// period of that order.
  struct Opening {
    std::int64_t row;     // of the first order, or behind the last row
    std::int64_t cohort;  // its period
    double same_period;   // refunds before it in its period
  };

  template <class IsOrder>
  void visit(const events::CustomerEvents& events, const IsOrder& is_order) {
    std::int64_t rows = events.size();
    while (rows > 0 && events.time[static_cast<std::size_t>(rows - 1)] >= log_->observed_until)
      --rows;
    const Opening opening = open(events, rows, is_order);
    if (opening.row == rows) return;
    ++counts_.size[static_cast<std::size_t>(opening.cohort - counts_.first_period)];
    const auto first_cell =
        static_cast<std::size_t>((opening.cohort - counts_.first_period) * counts_.ages);
    if (with_revenue_)
      count_money(events, rows, is_order, opening, first_cell);
    else if (events.amount.empty())
      count_customers(events, rows, is_order, opening, first_cell,
                      [](std::int64_t) { return true; });
    else
      count_customers(events, rows, is_order, opening, first_cell, [&](std::int64_t i) {
        return !(events.amount[static_cast<std::size_t>(i)] < 0.0);
      });
  }

  template <class IsOrder>
  Opening open(const events::CustomerEvents& events, std::int64_t rows, const IsOrder& is_order) {
    double before = 0.0, same_period = 0.0;
    std::int64_t row = 0, period = 0;
    bool has_period = false;
    for (; row < rows; ++row) {
      if (!is_order(row)) continue;
      const double amount =
          events.amount.empty() ? 0.0 : events.amount[static_cast<std::size_t>(row)];
      if (!(amount < 0.0)) break;
      const std::int64_t now = (*period_)(events.time[static_cast<std::size_t>(row)]);
      if (!has_period || now != period) {
        before += same_period;
        same_period = 0.0;
      }
      period = now;
      has_period = true;
      same_period += amount;
    }
    const std::int64_t cohort =
        row < rows ? (*period_)(events.time[static_cast<std::size_t>(row)]) : period - 1;
    if (cohort != period) {
      before += same_period;
      same_period = 0.0;
    }
    counts_.unassigned.add(before);
    counts_.without_orders += row == rows;
    return {row, cohort, same_period};
  }

  /// The loop of the common call: without branches but for the periods of unequal length.
  template <class IsOrder, class IsActive>
  void count_customers(const events::CustomerEvents& events, std::int64_t rows,
                       const IsOrder& is_order, const Opening& opening, std::size_t first_cell,
                       const IsActive& is_active) {
    std::int64_t* const active = counts_.active.data() + first_cell;
    const std::int64_t ages = counts_.ages;
    std::int64_t counted = -1;
    for (std::int64_t i = opening.row; i < rows; ++i) {
      const std::int64_t age =
          (*period_)(events.time[static_cast<std::size_t>(i)]) - opening.cohort;
      const bool returns = is_order(i) & is_active(i) & (age != counted) & (age < ages);
      active[returns ? age : 0] += returns;
      counted = returns ? age : counted;
    }
  }

  /// A period at a time, so that rows within one only ask whether it is over.
  template <class IsOrder>
  void count_money(const events::CustomerEvents& events, std::int64_t rows, const IsOrder& is_order,
                   const Opening& opening, std::size_t first_cell) {
    std::int64_t period = opening.cohort;
    double money = opening.same_period;
    for (std::int64_t i = opening.row;;) {
      const std::int64_t age = period - opening.cohort;
      if (age >= counts_.ages) return;
      const std::int64_t end = period_->start(period + 1);
      bool active = false;
      do {
        if (!is_order(i)) continue;
        const double amount =
            events.amount.empty() ? 0.0 : events.amount[static_cast<std::size_t>(i)];
        money += amount;
        active |= !(amount < 0.0);
      } while (++i < rows && events.time[static_cast<std::size_t>(i)] < end);
      const std::size_t cell = first_cell + static_cast<std::size_t>(age);
      counts_.active[cell] += active;
      counts_.revenue[cell].add(money);
      if (i == rows) return;
      money = 0.0;
      period = (*period_)(events.time[static_cast<std::size_t>(i)]);
    }
  }

  void allocate() {
    const auto cells = static_cast<std::size_t>(counts_.periods * counts_.ages);
    counts_.size.resize(static_cast<std::size_t>(counts_.periods));
    counts_.active.resize(cells);
    if (with_revenue_) counts_.revenue.resize(cells);
  }

  const events::EventLog* log_;
  const PeriodIndex* period_;
  bool with_revenue_;
  RetentionCounts counts_;  // vectors are empty until the first customer
};

template <class T>
void add_cells(std::vector<T>& to, const std::vector<T>& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace

RetentionCounts& RetentionCounts::operator+=(const RetentionCounts& other) {
  if (other.first_period != first_period || other.complete != complete ||
      other.periods != periods || other.ages != ages ||
      (!size.empty() && !other.size.empty() && revenue.size() != other.revenue.size()))
    throw InvalidInput("other", -1, std::string("was counted over another observation"));
  without_orders += other.without_orders;
  unassigned += other.unassigned;
  if (other.size.empty()) return *this;
  if (size.empty()) {
    size = other.size;
    active = other.active;
    revenue = other.revenue;
    return *this;
  }
  add_cells(size, other.size);
  add_cells(active, other.active);
  add_cells(revenue, other.revenue);
  return *this;
}

RetentionTable retention_table(const RetentionCounts& counts, std::optional<std::int64_t> max_age) {
  RetentionTable table;
  table.without_orders = counts.without_orders;
  table.unassigned_revenue = counts.unassigned.value();
  const auto is_taken = [](std::int64_t n) { return n > 0; };
  const auto first = std::ranges::find_if(counts.size, is_taken) - counts.size.begin();
  if (first == std::ssize(counts.size)) return table;
  const auto last =
      counts.size.rend() - std::find_if(counts.size.rbegin(), counts.size.rend(), is_taken) - 1;

  table.first_period = counts.first_period + first;
  table.cohorts = last - first + 1;
  table.ages = std::max<std::int64_t>(counts.complete - table.first_period + 1, 1);
  if (max_age) table.ages = std::min(table.ages, *max_age + 1);
  table.size.assign(counts.size.begin() + first, counts.size.begin() + last + 1);
  const auto cells = static_cast<std::size_t>(table.cohorts * table.ages);
  table.observed.resize(cells);
  table.at_risk.resize(cells);
  table.active.resize(cells);
  if (!counts.revenue.empty()) table.revenue.resize(cells);
  for (std::int64_t c = 0; c < table.cohorts; ++c)
    for (std::int64_t k = 0; k < table.ages && table.first_period + c + k <= counts.complete; ++k) {
      const std::size_t cell = table.cell(c, k);
      const auto source = static_cast<std::size_t>((first + c) * counts.ages + k);
      table.observed[cell] = 1;
      table.at_risk[cell] = table.size[static_cast<std::size_t>(c)];
      table.active[cell] = counts.active[source];
      if (!counts.revenue.empty()) table.revenue[cell] = counts.revenue[source].value();
    }
  return table;
}

RetentionCounts retention_counts(const events::EventLog& log, const RetentionOptions& options,
                                 const Execution& execution) {
  if (options.max_age && *options.max_age < 0)
    throw InvalidInput("max_age", -1, static_cast<double>(*options.max_age), ">= 0");
  const PeriodIndex period(log.timezone, options.period, first_instant(log, execution),
                           log.observed_until, execution);
  std::int64_t ages = std::max<std::int64_t>(period.complete() - period.first() + 1, 1);
  if (options.max_age) ages = std::min(ages, *options.max_age + 1);
  const std::int64_t cells = (period.last() - period.first() + 1) * ages;
  if (cells > kMaxCells)
    throw InvalidInput("period", -1,
                       "gives " + std::to_string(cells) + " cells of cohort and age, more than " +
                           std::to_string(kMaxCells) + ": choose a longer period or max_age");

  const RetentionScan scan(log, period, ages, options.revenue);
  // Every range of customers has a state of its own: where those would take too much memory, one
  // thread does it all. The choice depends on the log alone, so the bits stay the same.
  const std::int64_t state_bytes =
      cells * static_cast<std::int64_t>(sizeof(std::int64_t) +
                                        (options.revenue ? sizeof(OrderFreeSum) : 0));
  if (state_bytes * kScanRanges <= kMaxParallelBytes)
    return run_scan(log, scan, execution).finish();
  RetentionScan whole = scan;
  for (std::int64_t c = 0; c < log.customers(); ++c) {
    if (c % 256 == 0) execution.poll();
    whole.visit(log[c]);
  }
  return std::move(whole).finish();
}

RetentionTable retention(const events::EventLog& log, const RetentionOptions& options,
                         const Execution& execution) {
  return retention_table(retention_counts(log, options, execution), options.max_age);
}

}  // namespace tenure::cohort
