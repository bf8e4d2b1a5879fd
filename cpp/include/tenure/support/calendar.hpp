#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tenure {

/// Times are microseconds since 1970-01-01 00:00 UTC; days are counted from 1970-01-01.
inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

/// Quotient rounded towards minus infinity: the day of an instant before 1970 is negative.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
}

/// The proleptic Gregorian calendar.
struct CivilDate {
  std::int64_t year;
  int month;  ///< 1..12
  int day;    ///< 1..31
};
std::int64_t day_of(CivilDate date);
CivilDate civil_of(std::int64_t day);

enum class Period : std::uint8_t { day, week, month, quarter, year };

/// Index of the calendar period that holds a day: consecutive integers; weeks begin on Monday.
std::int64_t period_of_day(std::int64_t day, Period period);
/// First day of the period with that index.
std::int64_t first_day_of_period(std::int64_t index, Period period);

/// Offsets of local time from UTC: `offset[i]` holds from `transition[i]` (UTC) on, and
/// `initial_offset` before the first. Without transitions: a fixed offset, 0 for UTC.
class TimeZone {
 public:
  TimeZone() = default;
  /// Throws InvalidInput unless the transitions ascend strictly and the lengths agree.
  TimeZone(std::int64_t initial_offset, std::vector<std::int64_t> transition,
           std::vector<std::int64_t> offset);

  std::int64_t offset_at(std::int64_t utc) const;
  std::int64_t to_local(std::int64_t utc) const { return utc + offset_at(utc); }
  std::int64_t local_day(std::int64_t utc) const { return floor_div(to_local(utc), kMicrosPerDay); }

  /// The instants that show this wall-clock time: none in a gap, two in a repeated hour.
  struct Instants {
    std::optional<std::int64_t> earlier, later;
  };
  Instants from_local(std::int64_t local) const;

  /// First instant of a local day, also where midnight itself does not exist.
  std::int64_t start_of_day(std::int64_t day) const;

  bool fixed() const { return transition_.empty(); }

 private:
  std::int64_t initial_offset_ = 0;
  std::vector<std::int64_t> transition_;
  std::vector<std::int64_t> offset_;
};

}  // namespace tenure
