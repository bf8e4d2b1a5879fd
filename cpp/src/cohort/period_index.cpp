#include "period_index.hpp"

namespace tenure::cohort {

PeriodIndex::PeriodIndex(const TimeZone& zone, Period period, std::int64_t from, std::int64_t until,
                         const Execution& execution)
    : from_(from) {
  const auto start_of = [&](std::int64_t p) {
    return zone.start_of_day(first_day_of_period(p, period));
  };
  // The shown day may be that before the one that has begun, or no day of its own.
  first_ = period_of_day(zone.local_day(from), period);
  while (start_of(first_ + 1) <= from) ++first_;
  while (start_of(first_) > from) --first_;
  for (last_ = first_;; ++last_) {
    if ((last_ - first_) % 4096 == 0) execution.poll();
    // Where the date line leaves a day out, its start may lie behind that of the next one.
    const std::int64_t start = start_of(last_);
    start_.push_back(start_.empty() ? start : std::max(start, start_.back()));
    if (start >= until) break;
  }
  --last_;
  complete_ = start_.back() <= until ? last_ : last_ - 1;

  while (!fill(until)) --shift_;
}

/// Whether no bucket meets two changes.
bool PeriodIndex::fill(std::int64_t until) {
  buckets_.clear();
  std::size_t p = 0;
  for (std::int64_t begins = from_; begins < until; begins += std::int64_t{1} << shift_) {
    while (begins >= start_[p + 1]) ++p;
    const std::int64_t change = start_[p + 1];
    std::size_t after = p + 1;
    while (after + 1 < start_.size() && start_[after + 1] == change) ++after;
    if (after + 1 < start_.size() && start_[after + 1] < begins + (std::int64_t{1} << shift_))
      return false;
    buckets_.push_back({change, static_cast<std::int32_t>(first_ + static_cast<std::int64_t>(p)),
                        static_cast<std::int32_t>(first_ + static_cast<std::int64_t>(after))});
  }
  return true;
}

}  // namespace tenure::cohort
