#include "tenure/cohort/contracts.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "activity.hpp"
#include "period_index.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

constexpr std::int64_t kMaxPeriods = std::int64_t{1} << 12;
constexpr double kMostMoney = 9e12;

/// What the events of one instant come to.
struct Instant {
  std::int64_t row, time, period;
  bool starts = false, renews = false, changes = false, cancels = false;
  std::optional<std::int64_t> amount = {};

  bool opens() const { return starts || renews; }
};

class ContractScan {
 public:
  ContractScan(const events::EventLog& log, const ContractOptions& options,
               const PeriodIndex& period)
      : log_(&log), options_(&options), period_(&period) {
    out_.first_period = period.first();
    out_.periods = std::max<std::int64_t>(period.complete() - period.first() + 1, 0);
    const auto periods = static_cast<std::size_t>(out_.periods);
    out_.exposure.resize(periods);
    out_.ended.resize(periods);
    out_.brief.resize(periods);
    whole_.resize(periods + 1);
  }

  void visit(const events::CustomerEvents& events) {
    require_not_before(events, period_->from());
    now_ = {};
    opening_ = {};
    first_.reset();
    lost_.reset();
    for (std::int64_t i = 0; i < events.size();) {
      if (events.time[static_cast<std::size_t>(i)] >= log_->observed_until) break;
      apply(instant(events, i), events.customer);
    }
    advance(period_->complete() + 1, events.customer);
    if (!first_) {
      ++out_.without_contract;
      return;
    }
    if (now_.active && now_.since_period <= period_->complete())
      expose(period_->start(period_->complete() + 1), period_->complete());
    keep_lifetime();
  }

  void merge(ContractScan&& later) {
    out_.moves.insert(out_.moves.end(), later.out_.moves.begin(), later.out_.moves.end());
    for (std::size_t p = 0; p < out_.exposure.size(); ++p)
      out_.exposure[p] += later.out_.exposure[p];
    add_counts(whole_, later.whole_);
    add_counts(out_.ended, later.out_.ended);
    add_counts(out_.brief, later.out_.brief);
    lifetimes_.insert(lifetimes_.end(), later.lifetimes_.begin(), later.lifetimes_.end());
    out_.without_contract += later.out_.without_contract;
    out_.opened_without_start += later.out_.opened_without_start;
    out_.cancelled_before += later.out_.cancelled_before;
  }

  ContractMoves finish() && {
    const auto periods = static_cast<std::size_t>(out_.periods);
    for (std::size_t p = 0; p < periods; ++p) {
      whole_[p + 1] += whole_[p];
      out_.exposure[p] += static_cast<double>(whole_[p]);
    }
    out_.survivors.resize(periods * periods);
    for (const auto& [first, kept] : lifetimes_)
      ++out_.survivors[static_cast<std::size_t>(first) * periods + static_cast<std::size_t>(kept)];
    // Who was kept for k periods was kept for fewer, too.
    for (std::size_t c = 0; c < periods; ++c)
      for (std::size_t k = periods - c; k-- > 1;)
        out_.survivors[c * periods + k - 1] += out_.survivors[c * periods + k];
    return std::move(out_);
  }

 private:
  struct State {
    bool active = false;
    std::int64_t revenue = 0;
    std::int64_t since = 0, since_period = 0;
    std::int64_t expiry = 0;  // the period at whose end it lapses
  };

  std::size_t at(std::int64_t period) const {
    return static_cast<std::size_t>(period - period_->first());
  }
  bool counts(std::int64_t period) const { return period <= period_->complete(); }

  std::optional<std::int64_t> amount(const events::CustomerEvents& events, std::int64_t i,
                                     ContractRole role) const {
    const double amount = events.amount[static_cast<std::size_t>(i)];
    if (amount == 0.0 && role == ContractRole::renewal) return std::nullopt;  // it has none
    if (!(amount >= 0.0 && amount <= kMostMoney))
      throw InvalidInput("log", events.first + i, amount,
                         "recurring revenue of a contract, which is >= 0 and at most 9e12");
    return std::llround(amount * kMoneyUnits);
  }

  /// Reads the events of the instant of event i, and moves i behind them.
  Instant instant(const events::CustomerEvents& events, std::int64_t& i) const {
    const std::int64_t time = events.time[static_cast<std::size_t>(i)];
    Instant found{events.first + i, time, (*period_)(time)};
    auto from = ContractRole::none;
    for (; i < events.size() && events.time[static_cast<std::size_t>(i)] == found.time; ++i) {
      const ContractRole role = options_->role[events.event[static_cast<std::size_t>(i)]];
      found.starts |= role == ContractRole::start;
      found.renews |= role == ContractRole::renewal;
      found.changes |= role == ContractRole::change;
      found.cancels |= role == ContractRole::cancel;
      if (role == ContractRole::none || role == ContractRole::cancel) continue;
      const auto money = amount(events, i, role);
      if (!money || role < from) continue;
      found.amount = role == from ? std::max(found.amount.value_or(0), *money) : *money;
      from = role;
    }
    return found;
  }

  void apply(const Instant& event, std::int64_t customer) {
    if (!event.opens() && !event.changes && !event.cancels) return;
    advance(event.period, customer);
    if (now_.active) {
      if (event.cancels && !event.opens()) {
        end(event.time, event.period);
      } else {
        now_.revenue = event.amount.value_or(now_.revenue);
        if (event.opens()) now_.expiry = event.period + options_->term;
      }
      return;
    }
    if (!event.opens() && !event.changes) {
      out_.cancelled_before += !first_;
      return;
    }
    if (!event.amount && !first_)
      throw InvalidInput("log", event.row,
                         "is a renewal of a contract that was never seen: it needs an amount");
    if (!first_) {
      first_ = event.period;
      out_.opened_without_start += !event.starts;
    }
    now_ = {true, event.amount.value_or(last_revenue_), event.time, event.period,
            event.period + options_->term};
    opened_ = true;
    if (event.cancels) end(event.time, event.period);
  }

  /// Closes the period at hand, and all before `period`; contracts that expire on the way lapse.
  void advance(std::int64_t period, std::int64_t customer) {
    if (now_.active && options_->term > 0 && now_.expiry < period) {
      const std::int64_t last = now_.expiry;
      go_to(last, customer);
      end(period_->start(last + 1), last);
    }
    go_to(period, customer);
  }

  void go_to(std::int64_t period, std::int64_t customer) {
    if (period <= current_ && first_) return;
    if (first_) close(customer);
    current_ = period;
    opening_ = now_;
    opened_ = false;
  }

  void close(std::int64_t customer) {
    if (!counts(current_)) return;
    if (!now_.active && !lost_) lost_ = current_;
    if (!opening_.active && !now_.active) {
      out_.brief[at(current_)] += opened_;
      return;
    }
    const auto relative = static_cast<std::int32_t>(current_ - period_->first());
    if (!opening_.active)
      out_.moves.push_back({customer, 0, now_.revenue, relative,
                            *first_ == current_ ? MoveKind::fresh : MoveKind::reactivated});
    else if (!now_.active)
      out_.moves.push_back({customer, opening_.revenue, 0, relative, MoveKind::churned});
    else if (opening_.revenue != now_.revenue)
      out_.moves.push_back({customer, opening_.revenue, now_.revenue, relative, MoveKind::changed});
  }

  void end(std::int64_t time, std::int64_t period) {
    if (counts(period)) {
      ++out_.ended[at(period)];
      expose(time, period);
    } else if (counts(now_.since_period)) {
      expose(period_->start(period_->complete() + 1), period_->complete());
    }
    last_revenue_ = now_.revenue;
    now_ = {};
  }

  /// Adds the time under contract up to an instant of a period that counts.
  void expose(std::int64_t until, std::int64_t period) {
    const auto share = [&](std::int64_t from, std::int64_t to, std::int64_t p) {
      const auto length = static_cast<double>(period_->start(p + 1) - period_->start(p));
      out_.exposure[at(p)] += static_cast<double>(to - from) / length;
    };
    const std::int64_t began = now_.since_period;
    if (began == period) {
      share(now_.since, until, period);
      return;
    }
    share(now_.since, period_->start(began + 1), began);
    share(period_->start(period), until, period);
    ++whole_[at(began) + 1];
    --whole_[at(period)];
  }

  void keep_lifetime() {
    if (!counts(*first_)) return;
    const std::int64_t end = lost_ ? *lost_ - 1 : period_->complete();
    const std::int64_t kept = std::max<std::int64_t>(end - *first_, 0);
    lifetimes_.emplace_back(static_cast<std::int32_t>(at(*first_)),
                            static_cast<std::int32_t>(kept));
  }

  const events::EventLog* log_;
  const ContractOptions* options_;
  const PeriodIndex* period_;
  ContractMoves out_;
  std::vector<std::pair<std::int32_t, std::int32_t>> lifetimes_;  // first period, periods kept
  std::vector<std::int64_t> whole_;  // differences of customers under contract all period long
  // Of the customer at hand:
  State now_, opening_;
  std::int64_t current_ = 0;  // the period that is open, from the first contract on
  std::int64_t last_revenue_ = 0;
  bool opened_ = false;  // whether a contract began in it
  std::optional<std::int64_t> first_, lost_;
};

}  // namespace

ContractMoves contract_moves(const events::EventLog& log, const ContractOptions& options,
                             const Execution& execution) {
  if (!log.has_amount())
    throw InvalidInput("log", -1, "must have amounts: the recurring revenue of contracts");
  if (!log.has_event() && log.rows() > 0)
    throw InvalidInput("log", -1, "must have event names: what begins and ends a contract");
  if (options.role.size() != log.order_event.size())
    throw InvalidInput("role", -1, static_cast<double>(options.role.size()),
                       "one role an event name");
  if (options.term < 0 || options.term > kMaxPeriods)
    throw InvalidInput("term", -1, static_cast<double>(options.term), "from 0 to 4096 periods");
  const PeriodIndex period(log.timezone, options.period, first_instant(log, execution),
                           log.observed_until, execution);
  if (period.complete() - period.first() >= kMaxPeriods)
    throw InvalidInput("period", -1, "gives more than 4096 periods: choose a longer one");
  auto scan = events::run_scan(log, ContractScan(log, options, period), execution);
  return std::move(scan).finish();
}

}  // namespace tenure::cohort
