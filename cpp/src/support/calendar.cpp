#include "tenure/support/calendar.hpp"

#include <algorithm>

#include "tenure/support/errors.hpp"

namespace tenure {

// Days in eras of 400 years that begin on 1 March, so that the leap day comes last.
// [Hinnant 2013, "chrono-compatible low-level date algorithms"]
std::int64_t day_of(CivilDate d) {
  const std::int64_t y = d.year - (d.month <= 2);
  const std::int64_t era = floor_div(y, 400);
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

CivilDate civil_of(std::int64_t day) {
  const std::int64_t z = day + 719468;
  const std::int64_t era = floor_div(z, 146097);
  const std::int64_t day_of_era = z - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int dom = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2), month, dom};
}

std::int64_t period_of_day(std::int64_t day, Period period) {
  switch (period) {
    case Period::day:
      return day;
    case Period::week:
      return floor_div(day + 3, 7);  // 1970-01-01 was a Thursday
    case Period::month:
    case Period::quarter:
    case Period::year:
      break;
  }
  const CivilDate d = civil_of(day);
  const std::int64_t month = (d.year - 1970) * 12 + d.month - 1;
  if (period == Period::month) return month;
  return floor_div(month, period == Period::quarter ? 3 : 12);
}

std::int64_t first_day_of_period(std::int64_t index, Period period) {
  switch (period) {
    case Period::day:
      return index;
    case Period::week:
      return index * 7 - 3;
    case Period::month:
    case Period::quarter:
    case Period::year:
      break;
  }
  const std::int64_t month = index * (period == Period::month     ? 1
                                      : period == Period::quarter ? 3
                                                                  : 12);
  const std::int64_t year = floor_div(month, 12);
  return day_of({1970 + year, static_cast<int>(month - year * 12) + 1, 1});
}

TimeZone::TimeZone(std::int64_t initial_offset, std::vector<std::int64_t> transition,
                   std::vector<std::int64_t> offset)
    : initial_offset_(initial_offset),
      transition_(std::move(transition)),
      offset_(std::move(offset)) {
  if (transition_.size() != offset_.size())
    throw InvalidInput("timezone", -1, static_cast<double>(offset_.size()),
                       "one offset for each transition");
  for (std::size_t i = 1; i < transition_.size(); ++i)
    if (transition_[i] <= transition_[i - 1])
      throw InvalidInput("timezone", static_cast<std::int64_t>(i),
                         static_cast<double>(transition_[i]), "in ascending order");
}

std::int64_t TimeZone::offset_at(std::int64_t utc) const {
  const auto after = std::ranges::upper_bound(transition_, utc) - transition_.begin();
  return after == 0 ? initial_offset_ : offset_[static_cast<std::size_t>(after - 1)];
}

TimeZone::Instants TimeZone::from_local(std::int64_t local) const {
  // An instant that shows `local` lies within a day of it, so at most the offsets in force around
  // there can produce it; each candidate is checked by converting back.
  Instants found;
  const auto consider = [&](std::int64_t offset) {
    const std::int64_t utc = local - offset;
    if (offset_at(utc) != offset) return;
    if (!found.earlier || utc < *found.earlier) {
      if (found.earlier && !found.later) found.later = found.earlier;
      found.earlier = utc;
    } else if (utc != *found.earlier) {
      found.later = utc;
    }
  };
  const auto first = std::ranges::lower_bound(transition_, local - 2 * kMicrosPerDay);
  const auto last = std::ranges::upper_bound(transition_, local + 2 * kMicrosPerDay);
  consider(offset_at(local - 2 * kMicrosPerDay));
  for (auto t = first; t != last; ++t)
    consider(offset_[static_cast<std::size_t>(t - transition_.begin())]);
  return found;
}

std::int64_t TimeZone::start_of_day(std::int64_t day) const {
  const std::int64_t midnight = day * kMicrosPerDay;
  if (const auto at = from_local(midnight).earlier) return *at;
  // Midnight falls into a gap: the day begins at the transition that jumps over it.
  const auto last = std::ranges::upper_bound(transition_, midnight + 2 * kMicrosPerDay);
  for (auto t = last; t != transition_.begin();) {
    --t;
    if (*t + offset_at(*t - 1) <= midnight) return *t;
  }
  return midnight - initial_offset_;
}

}  // namespace tenure
