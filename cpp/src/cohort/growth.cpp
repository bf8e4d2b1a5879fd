#include "tenure/cohort/growth.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "activity.hpp"
#include "tenure/cohort/members.hpp"
#include "tenure/events/scan.hpp"

namespace tenure::cohort {
namespace {

/// Counts what needs the customer; `finish` derives the rest from the identities. No count takes a
/// branch, as none could be predicted.
class GrowthScan {
 public:
  GrowthScan(const events::EventLog& log, const GrowthOptions& options, const PeriodIndex& period)
      : log_(&log),
        options_(&options),
        period_(&period),
        lapse_(std::min(options.lapse, period.last() - period.first() + 2)) {
    const auto periods = static_cast<std::size_t>(period.last() - period.first() + 2);
    for (auto* counts : all()) counts->resize(periods);
  }

  void visit(const events::CustomerEvents& events) {
    constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();
    std::int64_t last = kNever;
    const std::optional<std::int64_t> signup = signup_period(events.customer);
    each_active_period(*log_, options_->event, *period_, events, [&](std::int64_t now) {
      const bool is_first = last == kNever;
      if (is_first) last = now;
      const bool returns = now == last + 1;
      const bool is_new = signup ? (*signup == now) & !returns : is_first;
      ++active_[at(now)];
      returning_[at(now)] += returns;
      fresh_[at(now)] += is_new;
      lapsed_[lapse_of(last)] += lapse_ < now - last;
      last = now;
    });
    if (last != kNever) ++lapsed_[lapse_of(last)];
  }

  void merge(GrowthScan&& later) {
    const auto mine = all(), others = later.all();
    for (std::size_t i = 0; i < mine.size(); ++i) add_counts(*mine[i], *others[i]);
  }

  Growth finish() && {
    const std::size_t periods = at(period_->complete() + 1);
    Growth out;
    out.first_period = period_->first();
    out.resurrected.resize(periods);
    out.dormant.resize(periods);
    for (std::size_t p = 0; p < periods; ++p) {
      out.resurrected[p] = active_[p] - returning_[p] - fresh_[p];
      if (p > 0) out.dormant[p] = active_[p - 1] - returning_[p];
    }
    for (auto* counts : {&fresh_, &returning_, &lapsed_}) counts->resize(periods);
    out.fresh = std::move(fresh_);
    out.returning = std::move(returning_);
    out.lapsed = std::move(lapsed_);
    return out;
  }

 private:
  std::array<std::vector<std::int64_t>*, 4> all() {
    return {&active_, &returning_, &fresh_, &lapsed_};
  }

  std::size_t at(std::int64_t period) const {
    return static_cast<std::size_t>(period - period_->first());
  }
  /// Where silence since `last` is a lapse; the place behind all periods where that is later.
  std::size_t lapse_of(std::int64_t last) const {
    return at(std::min(last + lapse_, period_->last() + 1));
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
  std::int64_t lapse_;
  std::vector<std::int64_t> active_, returning_, fresh_, lapsed_;  // by period, one more behind
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
