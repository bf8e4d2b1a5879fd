#include "tenure/cohort/retention.hpp"

#include <algorithm>

#include "cohort_walk.hpp"
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
  RetentionScan(const events::EventLog& log, Period period, const PeriodRange& range,
                std::int64_t ages)
      : walk_(log, period),
        first_(range.first),
        cohorts_(range.last - range.first + 1),
        ages_(ages) {}

  void visit(const events::CustomerEvents& events) {
    if (size_.empty()) allocate();
    const auto outcome =
        walk_(events, [this](std::int64_t cohort, std::int64_t age, bool active, double amount) {
          if (age == 0) ++size_[static_cast<std::size_t>(cohort - first_)];
          if (age >= ages_) return;
          const auto cell = static_cast<std::size_t>((cohort - first_) * ages_ + age);
          active_[cell] += active;
          revenue_[cell] += amount;
        });
    without_orders_ += !outcome.has_cohort;
    unassigned_ += outcome.amount_before;
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
    add(revenue_, later.revenue_);
  }

  RetentionTable finish(const PeriodRange& range, const RetentionOptions& options) const {
    RetentionTable table;
    table.without_orders = without_orders_;
    table.unassigned_revenue = unassigned_;
    const auto is_taken = [](std::int64_t n) { return n > 0; };
    const auto first = std::ranges::find_if(size_, is_taken) - size_.begin();
    if (first == std::ssize(size_)) return table;
    const auto last = size_.rend() - std::find_if(size_.rbegin(), size_.rend(), is_taken) - 1;

    table.first_period = first_ + first;
    table.cohorts = last - first + 1;
    table.ages = std::max<std::int64_t>(range.complete - table.first_period + 1, 1);
    if (options.max_age) table.ages = std::min(table.ages, *options.max_age + 1);
    table.size.assign(size_.begin() + first, size_.begin() + last + 1);
    const auto cells = static_cast<std::size_t>(table.cohorts * table.ages);
    table.observed.resize(cells);
    table.at_risk.resize(cells);
    table.active.resize(cells);
    table.revenue.resize(cells);
    for (std::int64_t c = 0; c < table.cohorts; ++c)
      for (std::int64_t k = 0; k < table.ages && table.first_period + c + k <= range.complete;
           ++k) {
        const std::size_t cell = table.cell(c, k);
        const auto source = static_cast<std::size_t>((first + c) * ages_ + k);
        table.observed[cell] = 1;
        table.at_risk[cell] = table.size[static_cast<std::size_t>(c)];
        table.active[cell] = active_[source];
        table.revenue[cell] = revenue_[source];
      }
    return table;
  }

 private:
  void allocate() {
    size_.resize(static_cast<std::size_t>(cohorts_));
    active_.resize(static_cast<std::size_t>(cohorts_ * ages_));
    revenue_.resize(static_cast<std::size_t>(cohorts_ * ages_));
  }

  CohortWalk walk_;
  std::int64_t first_, cohorts_, ages_;
  std::vector<std::int64_t> size_, active_;  // empty until the first customer
  std::vector<double> revenue_;
  std::int64_t without_orders_ = 0;
  double unassigned_ = 0.0;
};

}  // namespace

RetentionTable retention(const events::EventLog& log, const RetentionOptions& options,
                         const Execution& execution) {
  if (options.max_age && *options.max_age < 0)
    throw InvalidInput("max_age", -1, static_cast<double>(*options.max_age), ">= 0");
  const PeriodRange range = period_range(log, options.period);
  std::int64_t ages = std::max<std::int64_t>(range.complete - range.first + 1, 1);
  if (options.max_age) ages = std::min(ages, *options.max_age + 1);
  const std::int64_t cells = (range.last - range.first + 1) * ages;
  if (cells > kMaxCells)
    throw InvalidInput("period", -1,
                       "gives " + std::to_string(cells) + " cells of cohort and age, more than " +
                           std::to_string(kMaxCells) + ": choose a longer period or max_age");

  const RetentionScan scan(log, options.period, range, ages);
  // Every range of customers has a state of its own: where those would take too much memory, one
  // thread does it all. The choice depends on the log alone, so the bits stay the same.
  const std::int64_t state_bytes = cells * 2 * static_cast<std::int64_t>(sizeof(double));
  if (state_bytes * kScanRanges <= kMaxParallelBytes)
    return run_scan(log, scan, execution).finish(range, options);
  RetentionScan whole = scan;
  for (std::int64_t c = 0; c < log.customers(); ++c) {
    if (c % 256 == 0) execution.poll();
    whole.visit(log[c]);
  }
  return whole.finish(range, options);
}

}  // namespace tenure::cohort
