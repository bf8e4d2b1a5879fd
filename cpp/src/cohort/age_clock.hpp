#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "period_index.hpp"
#include "tenure/cohort/members.hpp"

namespace tenure::cohort {

/// Ages of events and the last age observed, for either clock, in periods or brackets of them.
class AgeClock {
 public:
  /// Throws InvalidInput for what `cohort_members` refuses of clock, max_age and brackets.
  AgeClock(const MemberOptions& options, const PeriodIndex& period, std::int64_t until);

  /// Age of an event in periods, negative before the start.
  std::int64_t age(std::int64_t start, std::int64_t event) const {
    if (length_ == 0) return (*period_)(event) - (*period_)(start);
    return event < start ? -1 : (event - start) / length_;
  }

  /// The bracket of an age in periods; past the last one, a number that is never observed.
  std::int64_t bracket(std::int64_t age) const {
    if (bracket_end_.empty()) return age;
    return std::upper_bound(bracket_end_.begin(), bracket_end_.end(), age) - bracket_end_.begin();
  }

  /// The last age (or bracket) that ended by the end of observation; -1: none.
  std::int64_t last_age(std::int64_t start) const {
    const std::int64_t ended =
        length_ == 0 ? period_->complete() - (*period_)(start) + 1 : (until_ - start) / length_;
    if (bracket_end_.empty()) return std::min(ended - 1, max_age_);
    return std::upper_bound(bracket_end_.begin(), bracket_end_.end(), ended) -
           bracket_end_.begin() - 1;
  }

 private:
  const PeriodIndex* period_;
  std::int64_t until_;
  std::int64_t length_ = 0;  // 0: calendar
  std::int64_t max_age_;
  std::vector<std::int64_t> bracket_end_;  // in periods, exclusive
};

}  // namespace tenure::cohort
