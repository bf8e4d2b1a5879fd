#pragma once
#include <utility>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::events {

/// Boundaries of at most 64 contiguous ranges of customers with about equal numbers of rows. They
/// depend on the log alone, never on the thread count.
std::vector<std::int64_t> scan_ranges(const EventLog& log);

/// One pass over all customers. A scan is a small value type with
///
///     void visit(const CustomerEvents& events);   // customers come in ascending order
///     void merge(Scan&& later);                   // the state of customers that come later
///
/// Each range of customers gets a copy of `scan`; the copies are merged in order, so the result has
/// the same bits for every thread count. `finish()` belongs to the scan and is called by its owner.
template <class Scan>
Scan run_scan(const EventLog& log, const Scan& scan, const Execution& execution) {
  const std::vector<std::int64_t> ranges = scan_ranges(log);
  const auto tasks = std::ssize(ranges) - 1;
  std::vector<Scan> partial(static_cast<std::size_t>(tasks), scan);
  for_each_task(tasks, execution, [&](std::int64_t t) {
    const auto range = static_cast<std::size_t>(t);
    // Worked on as a local: neighbours in the vector would share cache lines.
    Scan local = std::move(partial[range]);
    for (std::int64_t c = ranges[range]; c < ranges[range + 1]; ++c) local.visit(log[c]);
    partial[range] = std::move(local);
  });
  Scan total = scan;
  for (Scan& p : partial) total.merge(std::move(p));
  return total;
}

}  // namespace tenure::events
