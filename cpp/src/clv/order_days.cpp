#include "tenure/clv/order_days.hpp"

#include <algorithm>

#include "tenure/events/orders.hpp"
#include "tenure/events/scan.hpp"

namespace tenure::clv {
namespace {

struct Scan {
  const events::OrderWalk* orders;
  std::int64_t acquired_until;
  std::int64_t from;  ///< day of the first element: no event is earlier
  std::vector<std::int64_t> first, repeat;

  void visit(const events::CustomerEvents& events) {
    bool acquired = false, late = false;
    (*orders)(events, [&](const events::PurchasePeriod& p) {
      if (!p.is_order || late) return;
      const auto day = static_cast<std::size_t>(orders->day(p.first_time) - from);
      if (acquired) {
        count(repeat, day);
        return;
      }
      late = p.first_time >= acquired_until;
      acquired = true;
      if (!late) count(first, day);
    });
  }

  void merge(Scan&& later) {
    add(first, later.first);
    add(repeat, later.repeat);
  }

 private:
  static void count(std::vector<std::int64_t>& days, std::size_t day) {
    if (day >= days.size()) days.resize(day + 1, 0);
    ++days[day];
  }

  static void add(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
    if (from.size() > to.size()) to.resize(from.size(), 0);
    for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
  }
};

}  // namespace

OrderDays order_days(const events::EventLog& log, std::optional<Period> collapse,
                     std::int64_t acquired_until, std::int64_t until, const Execution& execution) {
  std::int64_t earliest = until;
  for (std::int64_t c = 0; c < log.customers(); ++c)
    if (log.offset[c] < log.offset[c + 1]) earliest = std::min(earliest, log.time[log.offset[c]]);
  if (earliest >= until) return {};
  const events::OrderWalk orders(log, collapse, until);
  const std::int64_t from = orders.day(earliest);
  Scan scan = events::run_scan(log, Scan{&orders, acquired_until, from, {}, {}}, execution);
  const auto begin = std::ranges::find_if(scan.first, [](std::int64_t n) { return n > 0; });
  if (begin == scan.first.end()) return {};
  const auto skipped = begin - scan.first.begin();
  const std::size_t days = std::max(scan.first.size(), scan.repeat.size());
  scan.first.resize(days, 0);
  scan.repeat.resize(days, 0);
  return {from + skipped,
          {scan.first.begin() + skipped, scan.first.end()},
          {scan.repeat.begin() + skipped, scan.repeat.end()}};
}

}  // namespace tenure::clv
