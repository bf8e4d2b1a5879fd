#pragma once
#include <cstdint>
#include <vector>

#include "tenure/cohort/members.hpp"

namespace tenure::cohort {

/// What ends the wait of a customer: the first return on a later day than the start, or the day on
/// which `silence` days in a row have passed without a return.
enum class Ending : std::uint8_t { first_return, silence };

struct ReturnTimeOptions {
  /// `clock`, `same_value`, `max_age` and `brackets` are not read; `anchor` not recurring.
  MemberOptions member = {};
  Ending ending = Ending::first_return;
  std::int64_t silence = 0;  ///< days, >= 1 where `ending` is silence
};

/// One row for each customer with a start, in order of customers.
struct ReturnTimes {
  std::vector<std::int64_t> customer;
  std::vector<std::int64_t> period;  ///< of the cohort, in `member.period`
  std::vector<std::int32_t> group;   ///< code, or kNoValue
  std::vector<double> days;          ///< from the start's day to the end, or to the last day seen
  std::vector<std::uint8_t> ended;   ///< 0: censored
  std::int64_t without_start = 0;    ///< customers in no cohort
};

/// Local days from the start to the end of the wait, censored at the last day that ended by
/// `observed_until`. Returns on the day of the start belong to it. Under `silence` the start and
/// every return are signs of life; the wait ends `silence` days after the first of them that is
/// followed by so many days without one, which is known on that day: the rule looks at the past
/// only, so that censoring says nothing about what follows.
///
/// One pass, O(rows). Same bits for any thread count. Throws InvalidInput as `cohort_members` does,
/// and for recurring cohorts or silence < 1.
ReturnTimes return_times(const events::EventLog& log, const ReturnTimeOptions& options,
                         const Execution& execution);

}  // namespace tenure::cohort
