#include "tenure/events/filter.hpp"

#include "parts.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::events {
namespace {

class Gate {
 public:
  Gate(const EventLog& log, const RowFilter& filter) : log_(&log), filter_(&filter) {}

  bool operator()(std::int64_t row) const {
    const RowFilter& f = *filter_;
    if (log_->time[row] < f.from || log_->time[row] >= f.until) return false;
    if (!f.event.empty() && f.event[log_->event[row]] == 0) return false;
    if (log_->has_amount() &&
        !(log_->amount[row] >= f.least_amount && log_->amount[row] <= f.most_amount))
      return false;
    for (const auto& p : f.property) {
      const std::int32_t code = log_->property[p.property][row];
      if (code == kNoValue ? !p.missing : p.allowed[static_cast<std::size_t>(code)] == 0)
        return false;
    }
    return true;
  }

 private:
  const EventLog* log_;
  const RowFilter* filter_;
};

void require_fit(const EventLog& log, const RowFilter& filter) {
  if (!filter.event.empty() && (!log.has_event() || filter.event.size() != log.order_event.size()))
    throw InvalidInput("event", -1, static_cast<double>(filter.event.size()),
                       "one flag for each event name");
  if (!filter.customer.empty() && std::ssize(filter.customer) != log.customers())
    throw InvalidInput("customer", -1, static_cast<double>(filter.customer.size()),
                       "one flag for each customer");
  for (const auto& p : filter.property) {
    if (p.property >= log.property.size())
      throw InvalidInput("property", -1, static_cast<double>(p.property), "one of the log");
    for (const std::int32_t code : log.property[p.property].span())
      if (code >= std::ssize(p.allowed))
        throw InvalidInput("property", -1, static_cast<double>(p.allowed.size()),
                           "one flag for each value");
  }
}

}  // namespace

Slice filter_rows(const EventLog& log, const RowFilter& filter, bool keep_customers,
                  const Execution& execution) {
  require_fit(log, filter);
  const Gate gate(log, filter);
  const std::int64_t customers = log.customers();
  Buffer<std::int64_t> count(customers);
  for_each_block(customers, execution, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      std::int64_t n = 0;
      if (filter.customer.empty() || filter.customer[static_cast<std::size_t>(c)] != 0)
        for (std::int64_t i = log.offset[c]; i < log.offset[c + 1]; ++i) n += gate(i);
      count[c] = n;
    }
  });

  Slice part = detail::part_of(log, count, [&](std::int64_t) { return keep_customers; });
  for_each_block(part.log.customers(), execution,
                 [&](std::int64_t, std::int64_t begin, std::int64_t end) {
                   for (std::int64_t k = begin; k < end; ++k) {
                     const std::int64_t c = part.customer[k];
                     if (count[c] == 0) continue;
                     std::int64_t to = part.log.offset[k];
                     for (std::int64_t i = log.offset[c]; i < log.offset[c + 1]; ++i)
                       if (gate(i)) detail::copy_rows(part.log, to++, log, i, 1);
                   }
                 });
  return part;
}

}  // namespace tenure::events
