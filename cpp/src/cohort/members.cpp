#include "tenure/cohort/members.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "age_clock.hpp"
#include "period_index.hpp"
#include "starts.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

constexpr std::int64_t kMaxCells = std::int64_t{1} << 24;
constexpr std::int64_t kMaxRecurringCells = std::int64_t{1} << 26;

class MemberScan {
 public:
  MemberScan(const events::EventLog& log, const MemberOptions& options, const PeriodIndex& period,
             const AgeClock& clock)
      : log_(&log),
        options_(&options),
        period_(&period),
        clock_(&clock),
        reader_(log, options, period) {}

  void visit(const events::CustomerEvents& events) {
    require_not_before(events, period_->from());
    reader_.find_starts(events, starts_);
    find_returns(events);
    std::size_t next = 0;
    if (starts_.empty()) {
      ++found_.without_start;
      next = returns_.size();
    } else {
      next = first_from(starts_.front(), 0);
    }
    double before = 0.0;
    for (std::size_t i = 0; i < next; ++i) before += returns_[i].amount;
    found_.unassigned.add(before);
    for (const Start& start : starts_) {
      next = first_from(start, next);
      add_member(events.customer, start, next);
    }
  }

  /// Ranges of one log: their customers have the codes of the whole already.
  void merge(MemberScan&& later) {
    later.found_.customers = found_.customers = 0;
    if (found_.rows.empty() && found_.cells.empty()) {
      later.found_.without_start += found_.without_start;
      later.found_.unassigned += found_.unassigned;
      found_ = std::move(later.found_);
    } else {
      found_ += later.found_;
    }
    require_room();
  }

  MemberRows finish() && { return std::move(found_); }

 private:
  struct Return {
    std::int64_t time;
    double amount;
    std::int32_t value;
    bool active;
  };

  void find_returns(const events::CustomerEvents& events) {
    returns_.clear();
    for (std::int64_t i = 0; i < events.size(); ++i) {
      const std::int64_t time = events.time[static_cast<std::size_t>(i)];
      if (time >= log_->observed_until) break;
      if (!reader_.is_return(events, i)) continue;
      const double money = reader_.amount(events, i);
      returns_.push_back({time, money, reader_.value(events, i), !(money < 0.0)});
    }
  }

  std::size_t first_from(const Start& start, std::size_t i) const {
    while (i < returns_.size() && clock_->age(start.time, returns_[i].time) < 0) ++i;
    return i;
  }

  void add_member(std::int64_t customer, const Start& start, std::size_t next) {
    const std::int64_t last_age = clock_->last_age(start.time);
    auto& cells = found_.cells;
    found_.rows.push_back({customer, start.period, last_age, std::ssize(cells), start.group});
    bool fresh = true;
    for (; next < returns_.size(); ++next) {
      const Return& r = returns_[next];
      if (options_->same_value && r.value != start.group) continue;
      const std::int64_t age = clock_->bracket(clock_->age(start.time, r.time));
      if (age > last_age) break;
      if (std::exchange(fresh, false) || cells.back().age != age)
        cells.push_back({static_cast<std::int32_t>(age), 0, 0.0});
      cells.back().events += r.active;
      cells.back().amount += r.amount;
    }
    if (found_.rows.size() % 1024 == 0) require_room();
  }

  void require_room() const {
    if (options_->anchor == Anchor::recurring && std::ssize(found_.cells) > kMaxRecurringCells)
      throw InvalidInput("period", -1,
                         "gives more than 2^26 recurring members x ages: choose a longer period, "
                         "max_age or brackets");
  }

  const events::EventLog* log_;
  const MemberOptions* options_;
  const PeriodIndex* period_;
  const AgeClock* clock_;
  EventReader reader_;
  std::vector<Start> starts_;  // of the customer at hand
  std::vector<Return> returns_;
  MemberRows found_;
};

/// The groups that occur, those without a value last.
std::vector<std::int32_t> groups_of(const std::vector<MemberRows::Row>& found) {
  std::vector<std::int32_t> codes;
  std::int32_t latest = std::numeric_limits<std::int32_t>::min();
  std::vector<std::uint8_t> seen;
  bool missing = false;
  for (const MemberRows::Row& m : found) {
    if (m.group == latest) continue;
    latest = m.group;
    if (latest < 0) {
      missing = true;
      continue;
    }
    const auto code = static_cast<std::size_t>(latest);
    if (code >= seen.size()) seen.resize(code + 1);
    seen[code] = 1;
  }
  for (std::size_t code = 0; code < seen.size(); ++code)
    if (seen[code] != 0) codes.push_back(static_cast<std::int32_t>(code));
  if (missing) codes.push_back(events::kNoValue);
  return codes;
}

/// Rows from a file may say anything.
void require_fit(const MemberRows& rows, const PeriodIndex& period) {
  const auto fail = [](std::int64_t row, const char* rule) {
    throw InvalidInput("rows", row, std::string(rule));
  };
  const auto cells = std::ssize(rows.cells);
  for (std::int64_t i = 0; i < std::ssize(rows.rows); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const MemberRows::Row& m = rows.rows[at];
    const std::int64_t end = at + 1 < rows.rows.size() ? rows.rows[at + 1].first_cell : cells;
    if (m.period < period.first() || m.period > period.last())
      fail(i, "begins outside of the observation");
    if (m.last_age < -1 || m.last_age > kMaxCells) fail(i, "has an age that cannot be");
    if (m.group < events::kNoValue || m.customer < 0) fail(i, "has a code below 0");
    if (m.first_cell < 0 || m.first_cell > end || end > cells) fail(i, "has cells of another");
    std::int64_t age = -1;
    for (std::int64_t c = m.first_cell; c < end; ++c) {
      const Members::Cell& cell = rows.cells[static_cast<std::size_t>(c)];
      if (cell.age <= age || cell.age > m.last_age) fail(i, "has a cell out of order");
      age = cell.age;
    }
  }
}

}  // namespace

std::int64_t first_of(const events::EventLog& log, const MemberOptions& options,
                      const Execution& execution) {
  std::int64_t first = first_instant(log, execution);
  if (options.signup)
    for (const std::int64_t time : *options.signup)
      if (time != kNoInstant) first = std::min(first, time);
  return first;
}

void require_codes(const events::EventLog& log, const MemberOptions& options) {
  for (const auto* names : {&options.start_event, &options.return_event})
    if (!names->empty() && names->size() != log.order_event.size())
      throw InvalidInput(names == &options.start_event ? "start_event" : "return_event", -1,
                         static_cast<double>(names->size()), "one flag an event name");
  const auto customers = static_cast<std::size_t>(log.customers());
  if (options.signup && options.signup->size() != customers)
    throw InvalidInput("signup", -1, static_cast<double>(options.signup->size()),
                       "one instant a customer");
  if (options.by_customer && options.by_customer->size() != customers)
    throw InvalidInput("by", -1, static_cast<double>(options.by_customer->size()),
                       "one code a customer");
  if (options.by_property && *options.by_property >= log.property.size())
    throw InvalidInput("by", -1, static_cast<double>(*options.by_property),
                       "a property of the log");
  for (const StartFilter& filter : options.where)
    if (filter.property >= log.property.size())
      throw InvalidInput("where", -1, static_cast<double>(filter.property),
                         "a property of the log");
}

std::span<const Members::Cell> Members::cells_of(std::int64_t member) const {
  const auto i = static_cast<std::size_t>(member);
  const auto first = static_cast<std::size_t>(members[i].first_cell);
  const auto last =
      i + 1 < members.size() ? static_cast<std::size_t>(members[i + 1].first_cell) : cells.size();
  return std::span(cells).subspan(first, last - first);
}

Members in_one_group(Members members) {
  if (members.group.empty()) return members;
  // A cohort that is empty in a group says what it might have shown: only members tell otherwise.
  std::vector<std::int64_t> last_age(members.last_age.begin(),
                                     members.last_age.begin() + members.cohorts);
  for (Members::Member& m : members.members) {
    m.row %= members.cohorts;
    last_age[static_cast<std::size_t>(m.row)] = -1;
  }
  for (const Members::Member& m : members.members) {
    auto& last = last_age[static_cast<std::size_t>(m.row)];
    last = std::max(last, m.last_age);
  }
  members.last_age = std::move(last_age);
  members.group = {0};
  return members;
}

MemberRows& MemberRows::operator+=(const MemberRows& later) {
  const std::int64_t before = std::ssize(cells);
  for (Row m : later.rows) {
    m.customer += customers;
    m.first_cell += before;
    rows.push_back(m);
  }
  cells.insert(cells.end(), later.cells.begin(), later.cells.end());
  customers += later.customers;
  from = std::min(from, later.from);
  without_start += later.without_start;
  unassigned += later.unassigned;
  return *this;
}

MemberRows member_rows(const events::EventLog& log, const MemberOptions& options,
                       const Execution& execution) {
  require_codes(log, options);
  const std::int64_t from = first_of(log, options, execution);
  const PeriodIndex period(log.timezone, options.period, from, log.observed_until, execution);
  const AgeClock clock(options, period, log.observed_until);
  MemberRows found =
      events::run_scan(log, MemberScan(log, options, period, clock), execution).finish();
  found.customers = log.customers();
  found.from = from;
  return found;
}

Members assemble(MemberRows found, const MemberOptions& options, const TimeZone& timezone,
                 std::int64_t observed_until, const Execution& execution) {
  Members out;
  out.without_start = found.without_start;
  out.unassigned_revenue = found.unassigned.value();
  if (found.rows.empty()) return out;
  if (found.from >= observed_until)
    throw InvalidInput("rows", -1, std::string("begin behind the end of observation"));
  const PeriodIndex period(timezone, options.period, found.from, observed_until, execution);
  const AgeClock clock(options, period, observed_until);
  require_fit(found, period);
  std::int64_t first = std::numeric_limits<std::int64_t>::max(), last = -first, oldest = -1;
  for (const MemberRows::Row& m : found.rows) {
    first = std::min(first, m.period);
    last = std::max(last, m.period);
    oldest = std::max(oldest, m.last_age);
  }
  out.first_period = first;
  out.cohorts = last - first + 1;
  out.ages = std::max<std::int64_t>(oldest + 1, 1);
  out.group = groups_of(found.rows);
  const std::int64_t groups = std::ssize(out.group);
  if (out.cohorts * out.ages > kMaxCells / groups)
    throw InvalidInput("period", -1,
                       "gives " + std::to_string(out.cohorts * out.ages * groups) +
                           " cells of group, cohort and age, more than " +
                           std::to_string(kMaxCells) + ": choose a longer period or max_age");

  std::vector<std::int64_t> position(static_cast<std::size_t>(
      *std::ranges::max_element(out.group) + 2));  // by code + 1, so that -1 has one
  for (std::int64_t g = 0; g < groups; ++g)
    position[static_cast<std::size_t>(out.group[static_cast<std::size_t>(g)] + 1)] = g;
  constexpr std::int64_t kNobody = -2;
  out.last_age.assign(static_cast<std::size_t>(out.rows()), kNobody);
  out.members.reserve(found.rows.size());
  for (const MemberRows::Row& m : found.rows) {
    if (out.members.size() % 65'536 == 0) execution.poll();
    const std::int64_t row =
        position[static_cast<std::size_t>(m.group + 1)] * out.cohorts + m.period - first;
    auto& seen = out.last_age[static_cast<std::size_t>(row)];
    seen = std::max(seen, m.last_age);
    out.members.push_back({m.customer, row, m.last_age, m.first_cell});
  }
  // Of a cohort without members: what a customer of its first observed instant would show. The
  // first period may have begun before the observation.
  for (std::int64_t row = 0; row < out.rows(); ++row) {
    auto& seen = out.last_age[static_cast<std::size_t>(row)];
    if (seen == kNobody)
      seen =
          std::min(clock.last_age(std::max(period.start(first + row % out.cohorts), period.from())),
                   out.ages - 1);
  }
  out.cells = std::move(found.cells);
  return out;
}

Members cohort_members(const events::EventLog& log, const MemberOptions& options,
                       const Execution& execution) {
  return assemble(member_rows(log, options, execution), options, log.timezone, log.observed_until,
                  execution);
}

}  // namespace tenure::cohort
