#include "age_clock.hpp"

#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

std::int64_t rolling_length(Period period) {
  switch (period) {
    case Period::day:
      return kMicrosPerDay;
    case Period::week:
      return 7 * kMicrosPerDay;
    case Period::month:
      return 30 * kMicrosPerDay;
    case Period::quarter:
    case Period::year:
      break;
  }
  throw InvalidInput("period", -1, "day, week or month under the rolling clock");
}

}  // namespace

AgeClock::AgeClock(const MemberOptions& options, const PeriodIndex& period, std::int64_t until)
    : period_(&period),
      until_(until),
      length_(options.clock == Clock::rolling ? rolling_length(options.period) : 0),
      max_age_(options.max_age.value_or(std::numeric_limits<std::int32_t>::max() - 1)) {
  if (max_age_ < 0) throw InvalidInput("max_age", -1, static_cast<double>(max_age_), ">= 0");
  if (!options.brackets) return;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < options.brackets->size(); ++i) {
    const std::int64_t size = (*options.brackets)[i];
    if (size < 1 || size > std::numeric_limits<std::int32_t>::max())
      throw InvalidInput("brackets", static_cast<std::int64_t>(i), static_cast<double>(size),
                         "a number of periods, 1 or more");
    bracket_end_.push_back(end += size);
  }
  if (bracket_end_.empty()) throw InvalidInput("brackets", -1, "of at least one size");
}

}  // namespace tenure::cohort
