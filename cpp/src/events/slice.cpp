#include "tenure/events/slice.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "parts.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::events {
using detail::allocate_rows, detail::copy_rows, detail::like;

Slice slice_time(const EventLog& log, std::int64_t from, std::int64_t until, bool keep_silent,
                 const Execution& execution) {
  const std::int64_t customers = log.customers();
  Buffer<std::int64_t> first(customers), count(customers);
  for_each_block(customers, execution, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const auto time = log[c].time;
      const auto low = std::ranges::lower_bound(time, from) - time.begin();
      first[c] = log.offset[c] + low;
      count[c] =
          std::max<std::int64_t>(0, std::ranges::lower_bound(time, until) - time.begin() - low);
    }
  });

  Slice part = detail::part_of(log, count, [&](std::int64_t c) {
    return keep_silent && log.offset[c] == log.offset[c + 1];
  });
  for_each_block(part.log.customers(), execution,
                 [&](std::int64_t, std::int64_t begin, std::int64_t end) {
                   for (std::int64_t k = begin; k < end; ++k) {
                     const std::int64_t c = part.customer[k];
                     copy_rows(part.log, part.log.offset[k], log, first[c], count[c]);
                   }
                 });
  return part;
}

MatchedRefunds match_refunds(const EventLog& log, const Execution& execution) {
  MatchedRefunds result;
  Buffer<std::uint8_t> gone(log.rows());
  std::fill_n(gone.data(), log.rows(), std::uint8_t{0});
  std::vector<std::int64_t> matched(static_cast<std::size_t>(block_count(log.customers())));
  std::vector<std::int64_t> unmatched(matched.size());

  for_each_block(log.customers(), execution,
                 [&](std::int64_t b, std::int64_t begin, std::int64_t end) {
                   const auto block = static_cast<std::size_t>(b);
                   for (std::int64_t c = begin; c < end; ++c) {
                     const std::int64_t first = log.offset[c], last = log.offset[c + 1];
                     const auto is_refund = [&](std::int64_t i) {
                       return log.amount[i] < 0.0 && log.is_order(i);
                     };
                     std::int64_t scan = first;
                     while (scan < last && !is_refund(scan)) ++scan;
                     if (scan == last) continue;

                     // Orders not cancelled yet, by amount, the latest on top. An instant's orders
                     // are entered before its refunds are matched: in canonical order a refund
                     // precedes the order of the same instant.
                     std::unordered_map<double, std::vector<std::int64_t>> open;
                     for (std::int64_t i = first, until = first; i < last; i = until) {
                       while (until < last && log.time[until] == log.time[i]) ++until;
                       for (std::int64_t k = i; k < until; ++k)
                         if (!is_refund(k) && log.is_order(k)) open[log.amount[k]].push_back(k);
                       for (std::int64_t k = i; k < until; ++k) {
                         if (!is_refund(k)) continue;
                         const auto found = open.find(-log.amount[k]);
                         if (found == open.end() || found->second.empty()) {
                           ++unmatched[block];
                         } else {
                           gone[k] = gone[found->second.back()] = 1;
                           found->second.pop_back();
                           ++matched[block];
                         }
                       }
                     }
                   }
                 });
  for (std::size_t b = 0; b < matched.size(); ++b) {
    result.matched += matched[b];
    result.unmatched += unmatched[b];
  }
  result.log = like(log);
  result.log.offset = Buffer<std::int64_t>(log.offset.size());
  allocate_rows(result.log, log, log.rows() - 2 * result.matched);
  std::int64_t to = 0;
  for (std::int64_t c = 0; c < log.customers(); ++c) {
    result.log.offset[c] = to;
    for (std::int64_t i = log.offset[c]; i < log.offset[c + 1]; ++i)
      if (!gone[i]) copy_rows(result.log, to++, log, i, 1);
  }
  result.log.offset[log.customers()] = to;
  return result;
}

}  // namespace tenure::events
