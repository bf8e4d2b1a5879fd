#pragma once
#include <algorithm>
#include <vector>

#include "tenure/events/slice.hpp"

namespace tenure::events::detail {

/// A log with the same settings and no rows yet.
inline EventLog like(const EventLog& log) {
  EventLog part;
  part.order_event = log.order_event;
  part.timezone = log.timezone;
  part.observed_from = log.observed_from;
  part.observed_until = log.observed_until;
  return part;
}

/// Makes room for rows in every column that `whole` has.
inline void allocate_rows(EventLog& part, const EventLog& whole, std::int64_t rows) {
  part.time = Buffer<std::int64_t>(rows);
  if (whole.has_amount()) part.amount = Buffer<double>(rows);
  if (whole.has_event()) part.event = Buffer<std::uint16_t>(rows);
  part.property.clear();
  for (std::size_t p = 0; p < whole.property.size(); ++p) part.property.emplace_back(rows);
}

inline void copy_rows(EventLog& part, std::int64_t to, const EventLog& whole, std::int64_t first,
                      std::int64_t count) {
  std::copy_n(whole.time.data() + first, count, part.time.data() + to);
  if (whole.has_amount()) std::copy_n(whole.amount.data() + first, count, part.amount.data() + to);
  if (whole.has_event()) std::copy_n(whole.event.data() + first, count, part.event.data() + to);
  for (std::size_t p = 0; p < whole.property.size(); ++p)
    std::copy_n(whole.property[p].data() + first, count, part.property[p].data() + to);
}

/// A part with room for count[c] rows of each customer who stays: those with a row, and those for
/// whom `keep(c)` holds. The rows are the caller's to copy.
template <class Keep>
Slice part_of(const EventLog& log, const Buffer<std::int64_t>& count, const Keep& keep) {
  std::vector<std::int64_t> kept;
  for (std::int64_t c = 0; c < log.customers(); ++c)
    if (count[c] > 0 || keep(c)) kept.push_back(c);
  Slice part{like(log), Buffer<std::int64_t>(std::ssize(kept))};
  part.log.offset = Buffer<std::int64_t>(std::ssize(kept) + 1);
  part.log.offset[0] = 0;
  for (std::int64_t k = 0; k < std::ssize(kept); ++k) {
    part.customer[k] = kept[static_cast<std::size_t>(k)];
    part.log.offset[k + 1] = part.log.offset[k] + count[part.customer[k]];
  }
  allocate_rows(part.log, log, part.log.offset[std::ssize(kept)]);
  return part;
}

}  // namespace tenure::events::detail
