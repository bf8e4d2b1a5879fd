#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::cohort {

/// The calendar period of an instant by table: a scan asks it of every row, and calendar arithmetic
/// would cost several times what the row does.
///
/// A period begins at the first instant of its first local day. So instants that show the day
/// before once more, after clocks went back over midnight, belong to the day that has begun, and
/// periods never descend in time.
class PeriodIndex {
 public:
  /// Covers the instants [from, until), from < until. O(periods + the stretch in buckets).
  PeriodIndex(const TimeZone& zone, Period period, std::int64_t from, std::int64_t until,
              const Execution& execution);

  /// The period that holds an instant of the stretch.
  std::int64_t operator()(std::int64_t time) const {
    const Bucket& bucket = buckets_[static_cast<std::size_t>((time - from_) >> shift_)];
    return time >= bucket.change ? bucket.after : bucket.before;
  }

  std::int64_t from() const { return from_; }
  std::int64_t first() const { return first_; }        ///< of the first instant
  std::int64_t last() const { return last_; }          ///< of the last instant
  std::int64_t complete() const { return complete_; }  ///< the last that ended by `until`
  /// First instant of a period from first() to last() + 1.
  std::int64_t start(std::int64_t period) const {
    return start_[static_cast<std::size_t>(period - first_)];
  }

 private:
  /// A stretch of 2^shift microseconds in which the period changes once at most; by more than one
  /// where a move of the date line leaves a day out.
  struct Bucket {
    std::int64_t change;
    std::int32_t before, after;
  };
  bool fill(std::int64_t until);

  std::int64_t from_, first_, last_, complete_;
  int shift_ = 36;                   // 19 hours: days are longer
  std::vector<std::int64_t> start_;  // by period; one more for the end of the last
  std::vector<Bucket> buckets_;
};

/// An instant at or before every event of the log and before its end: where observation began, if
/// that is known.
inline std::int64_t first_instant(const events::EventLog& log, const Execution& execution) {
  std::int64_t first = log.observed_until - 1;
  if (log.observed_from != events::kNotSaid) return std::min(first, log.observed_from);
  for (std::int64_t c = 0; c < log.customers(); ++c) {
    if (c % 65'536 == 0) execution.poll();
    if (log.offset[c] < log.offset[c + 1]) first = std::min(first, log.time[log.offset[c]]);
  }
  return first;
}

/// For scans that look instants up in a `PeriodIndex` from `first`.
inline void require_not_before(const events::CustomerEvents& events, std::int64_t first) {
  if (!events.time.empty() && events.time.front() < first)
    throw InvalidInput("log", events.first, static_cast<double>(events.time.front()),
                       "an instant that is not before observed_from");
}

}  // namespace tenure::cohort
