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

/// Cells of all periods that the log touches; trimmed to the cohorts that exist at the end.
class RetentionScan {
 public:
  RetentionScan(const events::EventLog& log, const PeriodIndex& period, std::int64_t ages,
                bool revenue)
      : log_(&log),
        period_(&period),
        first_(period.first()),
        cohorts_(period.last() - period.first() + 1),
        ages_(ages),
        with_revenue_(revenue) {}

  void visit(const events::CustomerEvents& events) {
    if (size_.empty()) allocate();
    require_not_before(events, period_->from());
    if (log_->order_event.empty())
      visit(events, [](std::int64_t) { return true; });
    else
      visit(events, [&](std::int64_t i) {
        return log_->order_event[events.event[static_cast<std::size_t>(i)]] != 0;
      });
  }

  void merge(RetentionScan&& later) {
    without_orders_ += later.without_orders_;
    unassigned_ += later.unassigned_;
    if (later.size_.empty()) return;
    if (size_.empty()) allocate();
    const auto add = [](auto& to, const auto& from) {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    };
    add(size_, later.size_);
    add(active_, later.active_);
    if (with_revenue_) add(revenue_, later.revenue_);
  }

  RetentionTable finish(const RetentionOptions& options) const {
    RetentionTable table;
    table.without_orders = without_orders_;
    table.unassigned_revenue = unassigned_;
    const auto is_taken = [](std::uint32_t n) { return n > 0; };
    const std::int64_t complete = period_->complete();
    const auto first = std::ranges::find_if(size_, is_taken) - size_.begin();
    if (first == std::ssize(size_)) return table;
    const auto last = size_.rend() - std::find_if(size_.rbegin(), size_.rend(), is_taken) - 1;

    table.first_period = first_ + first;
    table.cohorts = last - first + 1;
    table.ages = std::max<std::int64_t>(complete - table.first_period + 1, 1);
    if (options.max_age) table.ages = std::min(table.ages, *options.max_age + 1);
    table.size.assign(size_.begin() + first, size_.begin() + last + 1);
    const auto cells = static_cast<std::size_t>(table.cohorts * table.ages);
    table.observed.resize(cells);
    table.at_risk.resize(cells);
    table.active.resize(cells);
    if (with_revenue_) table.revenue.resize(cells);
    for (std::int64_t c = 0; c < table.cohorts; ++c)
      for (std::int64_t k = 0; k < table.ages && table.first_period + c + k <= complete; ++k) {
        const std::size_t cell = table.cell(c, k);
        const auto source = static_cast<std::size_t>((first + c) * ages_ + k);
        table.observed[cell] = 1;
        table.at_risk[cell] = table.size[static_cast<std::size_t>(c)];
        table.active[cell] = active_[source];
        if (with_revenue_) table.revenue[cell] = revenue_[source];
      }
    return table;
  }

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
    ++size_[static_cast<std::size_t>(opening.cohort - first_)];
    const auto first_cell = static_cast<std::size_t>((opening.cohort - first_) * ages_);
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
    unassigned_ += before;
    without_orders_ += row == rows;
    return {row, cohort, same_period};
  }

  /// The loop of the common call: without branches but for the periods of unequal length.
  template <class IsOrder, class IsActive>
  void count_customers(const events::CustomerEvents& events, std::int64_t rows,
                       const IsOrder& is_order, const Opening& opening, std::size_t first_cell,
                       const IsActive& is_active) {
    std::uint32_t* const active = active_.data() + first_cell;
    std::int64_t counted = -1;
    for (std::int64_t i = opening.row; i < rows; ++i) {
      const std::int64_t age =
          (*period_)(events.time[static_cast<std::size_t>(i)]) - opening.cohort;
      const bool returns = is_order(i) & is_active(i) & (age != counted) & (age < ages_);
      active[returns ? age : 0] += returns;
      counted = returns ? age : counted;
    }
  }

  template <class IsOrder>
  void count_money(const events::CustomerEvents& events, std::int64_t rows, const IsOrder& is_order,
                   const Opening& opening, std::size_t first_cell) {
    std::int64_t open_age = 0;
    double money = opening.same_period;
    bool active = false;
    const auto close = [&] {
      if (open_age >= ages_) return;
      const std::size_t cell = first_cell + static_cast<std::size_t>(open_age);
      active_[cell] += active;
      revenue_[cell] += money;
    };
    for (std::int64_t i = opening.row; i < rows; ++i) {
      if (!is_order(i)) continue;
      const auto row = static_cast<std::size_t>(i);
      const double amount = events.amount.empty() ? 0.0 : events.amount[row];
      const std::int64_t age = (*period_)(events.time[row]) - opening.cohort;
      if (age != open_age) {
        close();
        open_age = age;
        money = 0.0;
        active = false;
      }
      money += amount;
      active |= !(amount < 0.0);
    }
    close();
  }

  void allocate() {
    size_.resize(static_cast<std::size_t>(cohorts_));
    active_.resize(static_cast<std::size_t>(cohorts_ * ages_));
    if (with_revenue_) revenue_.resize(static_cast<std::size_t>(cohorts_ * ages_));
  }

  const events::EventLog* log_;
  const PeriodIndex* period_;
  std::int64_t first_, cohorts_, ages_;
  bool with_revenue_;
  std::vector<std::uint32_t> size_, active_;  // empty until the first customer
  std::vector<double> revenue_;
  std::int64_t without_orders_ = 0;
  double unassigned_ = 0.0;
};

}  // namespace

RetentionTable retention(const events::EventLog& log, const RetentionOptions& options,
                         const Execution& execution) {
  if (options.max_age && *options.max_age < 0)
    throw InvalidInput("max_age", -1, static_cast<double>(*options.max_age), ">= 0");
  if (log.customers() > std::int64_t{0xFFFFFFFF})
    throw InvalidInput("log", -1, static_cast<double>(log.customers()),
                       "of at most 2^32 - 1 customers");
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
  const std::int64_t state_bytes = cells * 2 * static_cast<std::int64_t>(sizeof(double));
  if (state_bytes * kScanRanges <= kMaxParallelBytes)
    return run_scan(log, scan, execution).finish(options);
  RetentionScan whole = scan;
  for (std::int64_t c = 0; c < log.customers(); ++c) {
    if (c % 256 == 0) execution.poll();
    whole.visit(log[c]);
  }
  return whole.finish(options);
}

}  // namespace tenure::cohort
