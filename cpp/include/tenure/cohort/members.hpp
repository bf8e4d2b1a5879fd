#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/support/order_free_sum.hpp"

namespace tenure::cohort {

/// How age is counted: in calendar periods, or in lengths (day 24 h, week 7 d, month 30 d) from
/// the instant at which the customer began.
enum class Clock : std::uint8_t { calendar, rolling };

/// What opens a cohort: the first start event at all, if it passes the filter; the first that
/// passes; every one that passes, once in each calendar period.
enum class Anchor : std::uint8_t { first_ever, first_matching, recurring };

/// A customer without a signup.
inline constexpr std::int64_t kNoInstant = std::numeric_limits<std::int64_t>::min();

/// Values of a property that the start event must have, by code.
struct StartFilter {
  std::size_t property;
  std::vector<std::uint8_t> allowed;
};

/// What a member of a cohort is and which of its events count. Views: the caller keeps them alive.
struct MemberOptions {
  Period period = Period::month;  ///< of cohorts; of ages too
  Clock clock = Clock::calendar;
  Anchor anchor = Anchor::first_ever;
  std::vector<std::uint8_t> start_event = {};   ///< by event code; empty: the log's orders
  std::vector<std::uint8_t> return_event = {};  ///< by event code; empty: the log's orders
  std::vector<StartFilter> where = {};          ///< each must hold
  /// By customer, the instant of signup or kNoInstant: opens the cohort in place of an event.
  std::optional<std::span<const std::int64_t>> signup = {};
  /// The group of a member is the code of this property at the start event ...
  std::optional<std::size_t> by_property = {};
  /// ... or this code of the customer; one group for all without either.
  std::optional<std::span<const std::int32_t>> by_customer = {};
  bool same_value = false;  ///< returns count only with the start event's value of `by_property`
  std::optional<std::int64_t> max_age = {};  ///< last age to count; absent: all observed
  /// Lengths of brackets in periods: ages are brackets from age 0 on. Absent: one age, one period.
  std::optional<std::vector<std::int64_t>> brackets = {};
};

/// Customers as members of cohorts, with what each did at every age, in order of customers.
struct Members {
  struct Member {
    std::int64_t customer;
    std::int64_t row;         ///< group x cohorts + cohort
    std::int64_t last_age;    ///< the last one observed in full; -1: none
    std::int64_t first_cell;  ///< into `cells`; they end where those of the next member begin
  };
  struct Cell {
    std::int32_t age;
    std::int32_t events;  ///< return events that are no refunds
    double amount;        ///< net amount of all return events
  };

  std::int64_t first_period = 0;       ///< of the first cohort; the others follow on
  std::int64_t cohorts = 0;            ///< up to the last one with a member, empty ones included
  std::int64_t ages = 0;               ///< up to the oldest observed, at least one
  std::vector<std::int32_t> group;     ///< codes of the groups that have members, ascending
  std::vector<std::int64_t> last_age;  ///< by row: the last age that anyone was observed at
  std::vector<Member> members;
  std::vector<Cell> cells;          ///< ascending age within a member, observed ages only
  std::int64_t without_start = 0;   ///< customers in no cohort
  double unassigned_revenue = 0.0;  ///< of customers in no cohort, and before age 0

  std::int64_t rows() const { return std::ssize(group) * cohorts; }
  std::size_t cell(std::int64_t row, std::int64_t age) const {
    return static_cast<std::size_t>(row * ages + age);
  }
  std::span<const Cell> cells_of(std::int64_t member) const;
};

/// Members before they have rows: a state that merges, of O(customers x ages).
struct MemberRows {
  struct Row {
    std::int64_t customer;
    std::int64_t period;  ///< of the start
    std::int64_t last_age;
    std::int64_t first_cell;
    std::int32_t group;  ///< code, or kNoValue
  };

  std::int64_t customers = 0;                                    ///< of the log
  std::int64_t from = std::numeric_limits<std::int64_t>::max();  ///< first instant or signup
  std::vector<Row> rows;
  std::vector<Members::Cell> cells;
  std::int64_t without_start = 0;
  OrderFreeSum unassigned;

  /// Adds customers that come later; their codes follow on.
  MemberRows& operator+=(const MemberRows& later);
};

/// Reads the members of one log. What it throws: see `cohort_members`.
MemberRows member_rows(const events::EventLog& log, const MemberOptions& options,
                       const Execution& execution);

/// Gives members their cohorts, groups and ages. Of `options` the period, the clock, max_age and
/// brackets are read. Throws InvalidInput if rows and cells do not fit each other.
Members assemble(MemberRows rows, const MemberOptions& options, const TimeZone& timezone,
                 std::int64_t observed_until, const Execution& execution);

/// Reads every customer as a member of its cohort (of several, if `recurring`): age of an event is
///
///     calendar: period(event) - period(start)        rolling: floor((event - start) / length)
///
/// in the log's time zone, and events with an age >= 0 count, the start event itself among them. A
/// start event or a return with a negative amount is a refund: it opens nothing and is no return,
/// but its money counts. Age k is observed if its period, or (k + 1) lengths from the start, ended
/// by `observed_until`: under the rolling clock that differs by customer.
///
/// With several start events of a customer in one period the first one is the start. Cells beyond
/// what was observed of a member are not kept. A signup at or after the end is none.
///
/// O(rows), for `recurring` O(starts x returns) of a customer; memory O(customer-ages). Same bits
/// for any thread count. Throws InvalidInput for a rolling clock in quarters or years, brackets or
/// max_age out of range, more than 2^24 rows x ages, and more than 2^26 cells of recurring members.
Members cohort_members(const events::EventLog& log, const MemberOptions& options,
                       const Execution& execution);

/// The same members as one group.
Members in_one_group(Members members);

}  // namespace tenure::cohort
