#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::events::detail {

/// Where the rows of a table by date and customer go, when a customer has a row at every date from
/// the one on at which it is known.
struct PanelRows {
  std::vector<std::int64_t> first;              ///< dates + 1: the rows of each date
  std::vector<std::int64_t> ranges;             ///< of customers
  std::vector<std::vector<std::int64_t>> next;  ///< by range, date: the next row

  std::int64_t rows() const { return first.back(); }

  /// Calls body(customers, next) once a range: `customers(f)` calls f(c) for each of its customers,
  /// and `next[k]++` is the row of such a one at date k.
  template <class Body>
  void for_each_range(const Execution& execution, const Body& body) {
    for_each_task(std::ssize(next), execution, [&](std::int64_t t) {
      const auto range = static_cast<std::size_t>(t);
      const auto customers = [&](const auto& each) {
        for (std::int64_t c = ranges[range]; c < ranges[range + 1]; ++c) {
          if (c % 1024 == 0) execution.poll();
          each(c);
        }
      };
      body(customers, next[range]);
    });
  }

  template <class Body>
  void for_each_customer(const Execution& execution, const Body& body) {
    for_each_range(execution, [&](const auto& customers, std::vector<std::int64_t>& at) {
      customers([&](std::int64_t c) { body(c, at); });
    });
  }
};

/// `known_from(c)`: index of the first date at which customer c is known; as many as there are
/// dates for none. Throws InvalidInput if the dates do not ascend.
template <class KnownFrom>
PanelRows panel_rows(const EventLog& log, std::span<const std::int64_t> dates,
                     const Execution& execution, const KnownFrom& known_from) {
  for (std::size_t k = 1; k < dates.size(); ++k)
    if (dates[k] <= dates[k - 1])
      throw InvalidInput("at", static_cast<std::int64_t>(k), static_cast<double>(dates[k]),
                         "behind the date before it");
  PanelRows panel;
  panel.ranges = scan_ranges(log);
  panel.next.assign(panel.ranges.size() - 1, std::vector<std::int64_t>(dates.size() + 1));
  panel.for_each_customer(execution, [&](std::int64_t c, std::vector<std::int64_t>& begins) {
    ++begins[known_from(c)];
  });
  std::int64_t row = 0;
  std::vector<std::int64_t> known(panel.next.size());
  for (std::size_t k = 0; k < dates.size(); ++k) {
    panel.first.push_back(row);
    for (std::size_t t = 0; t < known.size(); ++t) {
      known[t] += std::exchange(panel.next[t][k], row);
      row += known[t];
    }
  }
  panel.first.push_back(row);
  return panel;
}

}  // namespace tenure::events::detail
