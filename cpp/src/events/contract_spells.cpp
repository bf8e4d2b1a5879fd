#include "tenure/events/contract_spells.hpp"

#include <limits>

#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::events {
namespace {

struct Spell {
  std::int64_t customer, start, end;
  SpellEnd how;
};

class SpellScan {
 public:
  SpellScan(const EventLog& log, const SpellOptions& options) : log_(&log), options_(&options) {}

  void visit(const CustomerEvents& events) {
    const std::size_t rows = events.time.size();
    bool running = false;
    Spell now{events.customer, 0, 0, SpellEnd::running};
    std::int64_t lapses = log_->observed_until;
    for (std::size_t i = 0; i < rows && events.time[i] < log_->observed_until;) {
      const std::int64_t time = events.time[i];
      bool opens = false, changes = false, cancels = false;
      for (; i < rows && events.time[i] == time; ++i) {
        const ContractRole role = options_->role[events.event[i]];
        opens |= role == ContractRole::start || role == ContractRole::renewal;
        changes |= role == ContractRole::change;
        cancels |= role == ContractRole::cancel;
      }
      if (running && time >= lapses) {
        spells_.push_back({now.customer, now.start, lapses, SpellEnd::lapsed});
        running = false;
      }
      if (!running && (opens || changes)) {
        now.start = time;
        lapses = lapse(time);
        running = true;
        if (!cancels) continue;
      } else if (running && opens) {
        lapses = lapse(time);
        continue;
      }
      if (running && cancels) {
        spells_.push_back({now.customer, now.start, time, SpellEnd::cancelled});
        running = false;
      }
    }
    if (!running) return;
    const std::int64_t until = log_->observed_until;
    const bool over = options_->term > 0 && lapses <= until;
    spells_.push_back({now.customer, now.start, over ? lapses : until,
                       over ? SpellEnd::lapsed : SpellEnd::running});
  }

  void merge(SpellScan&& later) {
    spells_.insert(spells_.end(), later.spells_.begin(), later.spells_.end());
  }

  ContractSpells finish() && {
    const auto n = std::ssize(spells_);
    ContractSpells out{Buffer<std::int64_t>(n), Buffer<std::int64_t>(n), Buffer<std::int64_t>(n),
                       Buffer<std::uint8_t>(n)};
    for (std::int64_t i = 0; i < n; ++i) {
      const Spell& s = spells_[static_cast<std::size_t>(i)];
      out.customer[i] = s.customer;
      out.start[i] = s.start;
      out.end[i] = s.end;
      out.how[i] = static_cast<std::uint8_t>(s.how);
    }
    return out;
  }

 private:
  /// When a contract that is started or renewed at an instant lapses; without a term never.
  std::int64_t lapse(std::int64_t time) const {
    if (options_->term == 0) return std::numeric_limits<std::int64_t>::max();
    const std::int64_t period = period_of_day(log_->timezone.local_day(time), options_->period);
    const std::int64_t day = first_day_of_period(period + options_->term + 1, options_->period);
    return log_->timezone.start_of_day(day);
  }

  const EventLog* log_;
  const SpellOptions* options_;
  std::vector<Spell> spells_;
};

}  // namespace

ContractSpells contract_spells(const EventLog& log, const SpellOptions& options,
                               const Execution& execution) {
  if (!log.has_event() || options.role.size() != log.order_event.size())
    throw InvalidInput("role", -1, static_cast<double>(options.role.size()),
                       "one role for each event name");
  if (options.term < 0 || options.term > 4096)
    throw InvalidInput("term", -1, static_cast<double>(options.term), "from 0 to 4096");
  return SpellScan(run_scan(log, SpellScan(log, options), execution)).finish();
}

}  // namespace tenure::events
