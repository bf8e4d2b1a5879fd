#include "tenure/cohort/growth.hpp"

#include <array>
#include <optional>
#include <utility>

#include "activity.hpp"
#include "tenure/cohort/members.hpp"
#include "tenure/events/scan.hpp"

namespace tenure::cohort {
namespace {

class GrowthScan {
 public:
  GrowthScan(const events::EventLog& log, const GrowthOptions& options, const PeriodIndex& period)
      : log_(&log), options_(&options), period_(&period) {
    const auto periods = static_cast<std::size_t>(period.complete() - period.first() + 1);
    sums_.first_period = period.first();
    for (auto* counts : all()) counts->resize(periods);
  }

  void visit(const events::CustomerEvents& events) {
    std::optional<std::int64_t> last;
    const std::optional<std::int64_t> signup = signup_period(events.customer);
    each_active_period(*log_, options_->event, *period_, events, [&](std::int64_t now) {
      if (last && now == *last + 1) {
        add(sums_.returning, now);
      } else {
        if (last) leave(*last, now);
        const bool is_new = signup ? *signup == now : !last;
        add(is_new ? sums_.fresh : sums_.resurrected, now);
      }
      last = now;
    });
    if (last) leave(*last, period_->complete() + 1);
  }

  void merge(GrowthScan&& later) {
    const auto mine = all(), others = later.all();
    for (std::size_t i = 0; i < mine.size(); ++i) add_counts(*mine[i], *others[i]);
  }

  Growth finish() && { return std::move(sums_); }

 private:
  std::array<std::vector<std::int64_t>*, 5> all() {
    return {&sums_.fresh, &sums_.returning, &sums_.resurrected, &sums_.dormant, &sums_.lapsed};
  }

  /// Silence from the period after `last` up to, and without, `back`.
  void leave(std::int64_t last, std::int64_t back) {
    add(sums_.dormant, last + 1);
    if (options_->lapse < back - last) add(sums_.lapsed, last + options_->lapse);
  }

  void add(std::vector<std::int64_t>& counts, std::int64_t period) {
    if (period <= period_->complete())
      ++counts[static_cast<std::size_t>(period - period_->first())];
  }

  std::optional<std::int64_t> signup_period(std::int64_t customer) const {
    if (!options_->signup) return std::nullopt;
    const std::int64_t time = (*options_->signup)[static_cast<std::size_t>(customer)];
    if (time == kNoInstant) return std::nullopt;
    // Before the first event its period may have begun; earlier ones count as one, and so do
    // signups after the end, whose period nobody was active in.
    if (time < period_->from()) return period_->first() - (time < period_->start(period_->first()));
    if (time >= log_->observed_until) return period_->first() - 1;
    return (*period_)(time);
  }

  const events::EventLog* log_;
  const GrowthOptions* options_;
  const PeriodIndex* period_;
  Growth sums_;
};

}  // namespace

Growth growth(const events::EventLog& log, const GrowthOptions& options,
              const Execution& execution) {
  if (options.lapse < 1)
    throw InvalidInput("lapse", -1, static_cast<double>(options.lapse), ">= 1");
  if (options.signup && std::ssize(*options.signup) != log.customers())
    throw InvalidInput("signup", -1, static_cast<double>(options.signup->size()),
                       "one instant a customer");
  require_event_flags(log, options.event);
  const PeriodIndex period(log.timezone, options.period, first_instant(log, execution),
                           log.observed_until, execution);
  auto scan = events::run_scan(log, GrowthScan(log, options, period), execution);
  return std::move(scan).finish();
}

}  // namespace tenure::cohort
