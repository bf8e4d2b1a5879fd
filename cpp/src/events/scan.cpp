#include "tenure/events/scan.hpp"

#include <algorithm>

namespace tenure::events {

std::vector<std::int64_t> scan_ranges(const EventLog& log) {
  constexpr std::int64_t kRanges = 64;
  std::vector<std::int64_t> ranges{0};
  const std::int64_t customers = log.customers();
  const auto offset = log.offset.span();
  for (std::int64_t r = 1; r <= kRanges && ranges.back() < customers; ++r) {
    // A customer costs about as much as two rows, so that ranges of empty customers stay bounded.
    const std::int64_t target = (log.rows() + 2 * customers) * r / kRanges;
    std::int64_t low = ranges.back(), high = customers;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (offset[static_cast<std::size_t>(middle)] + 2 * middle < target)
        low = middle + 1;
      else
        high = middle;
    }
    if (low > ranges.back()) ranges.push_back(low);
  }
  if (ranges.back() < customers) ranges.push_back(customers);
  return ranges;
}

}  // namespace tenure::events
