#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/calendar.hpp"

namespace tenure::events {

/// Code of a property that an event does not have.
inline constexpr std::int32_t kNoValue = -1;

/// The start of observation where nobody said it: then the first event is it.
inline constexpr std::int64_t kNotSaid = std::numeric_limits<std::int64_t>::min();

/// What one customer did, in canonical order: (time, event, amount). Views into the log.
struct CustomerEvents {
  std::int64_t customer;                 ///< code: the position in ascending order of ids
  std::span<const std::int64_t> time;    ///< microseconds since 1970-01-01 UTC
  std::span<const double> amount;        ///< empty where the log has no amounts
  std::span<const std::uint16_t> event;  ///< empty where the log has no event names
  std::int64_t first;                    ///< row of the log at which they begin

  std::int64_t size() const { return std::ssize(time); }
};

/// Events ordered by (customer, time, event, amount, properties). Built once by `index_events`,
/// then only read.
struct EventLog {
  Buffer<std::int64_t>
      offset;  ///< customers + 1: the rows of customer c are offset[c]..offset[c+1]
  Buffer<std::int64_t> time;
  Buffer<double> amount;        ///< empty where the log has no amounts
  Buffer<std::uint16_t> event;  ///< empty where the log has no event names
  /// By property, then by row: the code of its value, kNoValue where it has none. Codes ascend with
  /// the values.
  std::vector<Buffer<std::int32_t>> property;
  std::vector<std::uint8_t> order_event;  ///< by event code: 1 for orders; empty: every row is one
  TimeZone timezone;                      ///< of days, weeks and months
  std::int64_t observed_from = kNotSaid;  ///< first instant under observation
  std::int64_t observed_until = 0;        ///< first instant no longer under observation

  std::int64_t customers() const { return offset.size() - 1; }
  std::int64_t rows() const { return time.size(); }
  bool has_amount() const { return !amount.empty(); }
  bool has_event() const { return !event.empty(); }
  /// Whether row i (of the log) is an order, by its event name.
  bool is_order(std::int64_t i) const { return order_event.empty() || order_event[event[i]] != 0; }

  CustomerEvents operator[](std::int64_t c) const {
    const auto first = static_cast<std::size_t>(offset[c]);
    const auto n = static_cast<std::size_t>(offset[c + 1]) - first;
    return {c, time.span().subspan(first, n),
            has_amount() ? amount.span().subspan(first, n) : std::span<const double>{},
            has_event() ? event.span().subspan(first, n) : std::span<const std::uint16_t>{},
            offset[c]};
  }
};

}  // namespace tenure::events
