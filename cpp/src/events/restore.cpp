#include "tenure/events/restore.hpp"

#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::events {
namespace {

[[noreturn]] void refuse(const char* column, std::int64_t row, const char* rule) {
  throw InvalidInput(column, row, std::string(rule));
}

/// Whether row i may follow row i - 1 of the same customer.
bool in_order(const EventLog& log, std::int64_t i) {
  if (log.time[i - 1] != log.time[i]) return log.time[i - 1] < log.time[i];
  if (log.has_event() && log.event[i - 1] != log.event[i]) return log.event[i - 1] < log.event[i];
  if (log.has_amount() && log.amount[i - 1] != log.amount[i])
    return log.amount[i - 1] < log.amount[i];
  for (const auto& p : log.property)
    if (p[i - 1] != p[i]) return p[i - 1] < p[i];
  return true;
}

}  // namespace

void require_valid(const EventLog& log, std::span<const std::int64_t> property_values,
                   const Execution& execution) {
  const std::int64_t rows = log.rows();
  const auto column = [rows](const char* name, std::int64_t size, bool may_be_absent) {
    if (size != rows && !(may_be_absent && size == 0)) refuse(name, -1, "has another length");
  };
  column("amount", log.amount.size(), true);
  column("event", log.event.size(), true);
  for (const auto& p : log.property) column("property", p.size(), false);
  if (log.property.size() != property_values.size()) refuse("property", -1, "has no values");
  if (log.has_event() && log.order_event.empty()) refuse("event", -1, "has no names");
  if (log.offset.empty() || log.offset[0] != 0 || log.offset[log.customers()] != rows)
    refuse("offset", -1, "must lead from 0 to the number of rows");
  for_each_block(log.customers(), execution,
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   for (std::int64_t c = first; c < last; ++c)
                     if (log.offset[c] > log.offset[c + 1] || log.offset[c + 1] > rows)
                       refuse("offset", c, "must ascend");
                 });

  const auto names = std::ssize(log.order_event);
  for_each_block(
      log.customers(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (std::int64_t c = first; c < last; ++c)
          for (std::int64_t i = log.offset[c]; i < log.offset[c + 1]; ++i) {
            if (log.time[i] < log.observed_from || log.time[i] >= log.observed_until)
              refuse("time", i, "lies outside of the observation");
            if (log.has_amount() && !(std::fabs(log.amount[i]) <= 1e150))
              refuse("amount", i, "must be finite and within 1e150");
            if (log.has_event() && log.event[i] >= names) refuse("event", i, "has no name");
            for (std::size_t p = 0; p < log.property.size(); ++p)
              if (log.property[p][i] < kNoValue || log.property[p][i] >= property_values[p])
                refuse("property", i, "is no value");
            if (i > log.offset[c] && !in_order(log, i)) refuse("time", i, "is out of order");
          }
      });
}

}  // namespace tenure::events
