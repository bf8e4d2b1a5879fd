#include "tenure/lifecycle/panel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "seed_rule.hpp"
#include "snapshots.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::lifecycle {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kSessionGap = 30 * 60 * kMicrosPerSecond;

void require_valid(const PanelDates& dates) {
  if (dates.at.empty()) throw InvalidInput("at", -1, 0.0, "at least one date");
  for (std::size_t d = 1; d < dates.at.size(); ++d)
    if (dates.at[d] <= dates.at[d - 1])
      throw InvalidInput("at", static_cast<std::int64_t>(d), static_cast<double>(dates.at[d]),
                         "later than the date before it");
  if (dates.window_days < 1)
    throw InvalidInput("window_days", -1, static_cast<double>(dates.window_days), ">= 1");
}

/// The samples of all dates, gathered in one pass.
class SampleScan {
 public:
  SampleScan(const events::EventLog& log, const PanelDates& dates)
      : walk_(log, dates.at, dates.window_days), samples_(dates.at.size()) {}

  void visit(const events::CustomerEvents& events) {
    walk_(
        events,
        [&](std::size_t date, const Snapshot& s) {
          if (s.orders >= 2) add_repeater(samples_[date], s.window_orders, s.window_value);
        },
        [&](std::size_t date, std::int64_t days) { count_gap(samples_[date].gaps, days); });
  }

  void merge(SampleScan&& later) { parts_.push_back(std::move(later.samples_)); }

  /// Each gap was counted where it was completed: it also belongs to all later dates.
  void add_up_gaps() {
    gaps_.resize(samples_.size());
    for (std::size_t d = 0; d < gaps_.size(); ++d) {
      if (d > 0) gaps_[d] = gaps_[d - 1];
      for (const auto& part : parts_) add_gaps(gaps_[d], part[d].gaps);
    }
  }

  /// The sample of one date: of all parts, in order.
  CalibrationSample take(std::size_t date) {
    CalibrationSample whole;
    whole.gaps = gaps_[date];
    std::size_t values = 0, idle = 0;
    for (const auto& part : parts_) {
      values += part[date].value.size();
      idle += part[date].idle_value.size();
      add_gaps(whole.orders, part[date].orders);
    }
    whole.value.reserve(values + idle);  // the idle ones may be added to them
    whole.idle_value.reserve(idle);
    for (auto& part : parts_) {
      const auto add = [](std::vector<double>& to, std::vector<double>& from) {
        to.insert(to.end(), from.begin(), from.end());
        from = {};
      };
      add(whole.value, part[date].value);
      add(whole.idle_value, part[date].idle_value);
    }
    return whole;
  }

 private:
  SnapshotWalk walk_;
  std::vector<CalibrationSample> samples_;             ///< by date, of the range at work
  std::vector<std::vector<std::int64_t>> gaps_;        ///< by date
  std::vector<std::vector<CalibrationSample>> parts_;  ///< by range, by date
};

/// Sessions and silence of a customer without an order.
struct Visits {
  double sessions = 0.0, silent = kNan;
};

Visits visits_before(const events::CustomerEvents& events, std::int64_t at, std::int64_t today,
                     const events::OrderWalk& calendar) {
  Visits v;
  std::int64_t previous = 0;
  for (const std::int64_t t : events.time) {
    if (t >= at) break;
    v.sessions += v.sessions == 0.0 || t - previous > kSessionGap;
    previous = t;
  }
  if (v.sessions > 0.0) v.silent = static_cast<double>(today - calendar.day(previous));
  return v;
}

class LabelScan {
 public:
  LabelScan(const events::EventLog& log, const PanelDates& dates,
            std::span<const Calibration> calibrations, const Clock& clock, const PanelRules& rules,
            Buffer<std::uint8_t>& codes)
      : walk_(log, dates.at, dates.window_days),
        calendar_(log, Period::day, dates.at.back()),
        at_(dates.at),
        calibrations_(calibrations),
        clock_(&clock),
        rules_(&rules),
        customers_(log.customers()),
        codes_(&codes) {
    for (const std::int64_t t : at_) today_.push_back(calendar_.day(t - 1));
    if (!rules.program) return;
    for (const Instruction& i : rules.program->code)
      if (i.op == Op::fact) used_.push_back(i.argument);
    std::ranges::sort(used_);
    used_.erase(std::ranges::unique(used_).begin(), used_.end());
  }

  void visit(const events::CustomerEvents& events) {
    const std::int64_t c = events.customer;
    if (rules_->program && waiting_.empty()) allocate();
    std::size_t known_from = at_.size();
    walk_(
        events,
        [&](std::size_t date, const Snapshot& s) {
          known_from = std::min(known_from, date);
          const Standing standing = standing_of(date, c, s);
          if (rules_->program)
            queue(date, events, s, standing);
          else
            code(date, c) = seed_rule(s, calibrations_[date], standing,
                                      rules_->identified[static_cast<std::size_t>(c)] != 0);
        },
        [](std::size_t, std::int64_t) {});
    for (std::size_t date = 0; date < known_from; ++date) code(date, c) = kUnknown;
    if (rules_->program && ++visited_ == kProgramRows) flush();
  }

  void merge(LabelScan&& later) { later.flush(); }

  void flush() {
    for (std::size_t date = 0; date < waiting_.size(); ++date) {
      auto& rows = waiting_[date];
      first_matches(*rules_->program, cells_[date], std::ssize(rows), matched_);
      for (std::size_t i = 0; i < rows.size(); ++i) code(date, rows[i]) = matched_[i];
      rows.clear();
    }
    visited_ = 0;
  }

 private:
  std::uint8_t& code(std::size_t date, std::int64_t customer) {
    return (*codes_)[static_cast<std::int64_t>(date) * customers_ + customer];
  }

  void allocate() {
    waiting_.resize(at_.size());
    matched_.resize(static_cast<std::size_t>(kProgramRows));
    cells_.assign(at_.size(), std::vector<double>(
                                  static_cast<std::size_t>(rules_->program->facts * kProgramRows)));
  }

  Standing standing_of(std::size_t date, std::int64_t c, const Snapshot& s) const {
    const Calibration& cut = calibrations_[date];
    double active = cut.active_days, lapsed = cut.lapsed_days;
    switch (clock_->kind) {
      case ClockKind::population:
        break;
      case ClockKind::own:
        if (s.orders > 0 && cut.gaps > 0) {
          const double k = clock_->prior_gaps, gaps = static_cast<double>(s.orders - 1);
          const double span = static_cast<double>(s.days_since_first - s.days_since_last);
          const double pace = (k + span / cut.mean_gap) / (k + gaps);  // g_i / gbar
          active = std::max(active * pace, cut.new_days + 1.0);
          lapsed = std::max(lapsed * pace, active + 1.0);
        }
        break;
      case ClockKind::alive: {
        if (s.orders == 0) break;
        const double p =
            clock_
                ->alive[date * static_cast<std::size_t>(customers_) + static_cast<std::size_t>(c)];
        if (!(p >= 0.0 && p <= 1.0)) throw InvalidInput("alive", c, p, "between 0 and 1");
        const Zone zone = p >= clock_->alive_above  ? Zone::active
                          : p >= clock_->lost_below ? Zone::lapsing
                                                    : Zone::lost;
        return {zone, active, lapsed};
      }
      case ClockKind::contract: {
        const double left = days_to_end(date, c);
        const Zone zone = !(left < 0.0)     ? Zone::active
                          : left >= -lapsed ? Zone::lapsing
                                            : Zone::lost;
        return {zone, active, lapsed};
      }
    }
    return standing_by_silence(s.days_since_last, active, lapsed);
  }

  double days_to_end(std::size_t date, std::int64_t c) const {
    const auto& end = clock_->contract_end;
    return end.empty() ? kNan
                       : end[static_cast<std::size_t>(c)] - static_cast<double>(today_[date]);
  }

  void queue(std::size_t date, const events::CustomerEvents& events, const Snapshot& s,
             const Standing& standing) {
    const std::size_t row = waiting_[date].size();
    waiting_[date].push_back(events.customer);
    for (const std::int32_t fact : used_)
      cells_[date][static_cast<std::size_t>(fact * kProgramRows) + row] =
          fact < static_cast<std::int32_t>(Fact::count)
              ? value(static_cast<Fact>(fact), date, events, s, standing)
              : column(fact - static_cast<std::int32_t>(Fact::count), date, events.customer);
  }

  double column(std::int32_t which, std::size_t date, std::int64_t c) const {
    const auto& values = rules_->columns[static_cast<std::size_t>(which)].values;
    const bool by_date = std::ssize(values) != customers_;
    return values[(by_date ? date * static_cast<std::size_t>(customers_) : 0) +
                  static_cast<std::size_t>(c)];
  }

  double value(Fact fact, std::size_t date, const events::CustomerEvents& events, const Snapshot& s,
               const Standing& standing) const {
    const Calibration& cut = calibrations_[date];
    const auto c = static_cast<std::size_t>(events.customer);
    const bool bought = s.orders > 0;
    switch (fact) {
      case Fact::orders:
        return static_cast<double>(s.orders);
      case Fact::days_since_last:
        return bought ? static_cast<double>(s.days_since_last) : kNan;
      case Fact::mean_gap:
        return s.mean_gap;
      case Fact::last_gap:
        return s.last_gap;
      case Fact::net_value:
        return s.net_value;
      case Fact::window_orders:
        return static_cast<double>(s.window_orders);
      case Fact::window_value:
        return s.window_value;
      case Fact::days_since_first:
        return bought ? static_cast<double>(s.days_since_first) : kNan;
      case Fact::sessions:
        return bought ? kNan : visits_before(events, at_[date], today_[date], calendar_).sessions;
      case Fact::silent:
        return bought ? kNan : visits_before(events, at_[date], today_[date], calendar_).silent;
      case Fact::identified:
        return rules_->identified[c] != 0;
      case Fact::active:
        return standing.zone == Zone::active;
      case Fact::lapsing:
        return standing.zone == Zone::lapsing;
      case Fact::lost:
        return standing.zone == Zone::lost;
      case Fact::active_days:
        return standing.active_days;
      case Fact::lapsed_days:
        return standing.lapsed_days;
      case Fact::days_to_end:
        return days_to_end(date, events.customer);
      case Fact::contract_days:
        return rules_->contract_start.empty()
                   ? kNan
                   : static_cast<double>(today_[date]) - rules_->contract_start[c];
      case Fact::new_days:
        return cut.new_days;
      case Fact::frequency_q50:
        return cut.frequency_cuts[0];
      case Fact::frequency_q80:
        return cut.frequency_cuts[1];
      case Fact::value_q40:
        return cut.value_cuts[0];
      case Fact::value_q60:
        return cut.value_cuts[1];
      case Fact::value_q80:
        return cut.value_cuts[2];
      case Fact::count:
        break;
    }
    return kNan;
  }

  SnapshotWalk walk_;
  events::OrderWalk calendar_;
  std::span<const std::int64_t> at_;
  std::span<const Calibration> calibrations_;
  const Clock* clock_;
  const PanelRules* rules_;
  std::int64_t customers_;
  Buffer<std::uint8_t>* codes_;
  std::vector<std::int64_t> today_;
  std::vector<std::int32_t> used_;  ///< facts that the program asks for
  /// By date: customers whose rule is yet to be found, and their facts.
  std::vector<std::vector<std::int64_t>> waiting_;
  std::vector<std::vector<double>> cells_;
  std::vector<std::uint8_t> matched_;
  std::int64_t visited_ = 0;
};

void require_length(const char* argument, std::size_t length, std::int64_t wanted) {
  if (static_cast<std::int64_t>(length) != wanted)
    throw InvalidInput(argument, -1, static_cast<double>(length), "as long as the customers");
}

}  // namespace

std::vector<Calibration> calibrate_panel(const events::EventLog& log, const PanelDates& dates,
                                         const CalibrationOptions& options,
                                         const Execution& execution) {
  require_valid(dates);
  SampleScan samples = run_scan(log, SampleScan(log, dates), execution);
  samples.add_up_gaps();
  std::vector<Calibration> calibrations(dates.at.size());
  for_each_task(std::ssize(dates.at), execution, [&](std::int64_t d) {
    const auto date = static_cast<std::size_t>(d);
    calibrations[date] = calibrate(samples.take(date), options, {});
  });
  return calibrations;
}

Buffer<std::uint8_t> label_panel(const events::EventLog& log, const PanelDates& dates,
                                 std::span<const Calibration> calibrations, const Clock& clock,
                                 const PanelRules& rules, const Execution& execution) {
  require_valid(dates);
  const std::int64_t n = log.customers(), cells = std::ssize(dates.at) * n;
  if (calibrations.size() != dates.at.size())
    throw InvalidInput("calibrations", -1, static_cast<double>(calibrations.size()),
                       "one for each date");
  require_length("identified", rules.identified.size(), n);
  if (clock.kind == ClockKind::alive) require_length("alive", clock.alive.size(), cells);
  if (clock.kind == ClockKind::contract || !clock.contract_end.empty())
    require_length("contract_end", clock.contract_end.size(), n);
  if (!rules.contract_start.empty())
    require_length("contract_start", rules.contract_start.size(), n);
  for (const FactColumn& column : rules.columns)
    if (std::ssize(column.values) != n && std::ssize(column.values) != cells)
      require_length("columns", column.values.size(), n);
  if (rules.program) {
    if (rules.program->facts != static_cast<std::int32_t>(Fact::count) + std::ssize(rules.columns))
      throw InvalidInput("rules", -1, rules.program->facts, "a program over these facts");
    lifecycle::require_valid(*rules.program);
  }
  Buffer<std::uint8_t> codes(cells);
  run_scan(log, LabelScan(log, dates, calibrations, clock, rules, codes), execution);
  return codes;
}

void settle(std::span<std::uint8_t> codes, std::int64_t customers,
            std::span<const std::int32_t> rank, std::int64_t patience, const Execution& execution) {
  if (patience < 1) throw InvalidInput("hysteresis", -1, static_cast<double>(patience), ">= 1");
  if (patience == 1 || customers == 0) return;
  const std::int64_t dates = std::ssize(codes) / customers;
  for_each_block(customers, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      std::uint8_t shown = kUnknown;
      std::int64_t worse = 0;
      for (std::int64_t d = 0; d < dates; ++d) {
        std::uint8_t& code = codes[static_cast<std::size_t>(d * customers + c)];
        const bool falls = code != kUnknown && shown != kUnknown && rank[code] < rank[shown];
        worse = falls ? worse + 1 : 0;
        if (worse == patience)
          worse = 0;
        else if (falls)
          code = shown;
        shown = code;
      }
    }
  });
}

}  // namespace tenure::lifecycle
