#include "tenure/journey/transitions.hpp"

#include <limits>

#include "state_walk.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/pages.hpp"
#include "tenure/support/select.hpp"

namespace tenure::journey {
namespace {

/// What one range of customers did.
struct Part {
  std::vector<std::int64_t> count, customers;
  std::int64_t units = 0, open = 0;
};

class Table {
 public:
  Table(const events::EventLog& log, const StatePlan& plan, const Execution& execution)
      : log_(log),
        plan_(plan),
        execution_(execution),
        side_(static_cast<std::size_t>(plan.states) + 1),
        ranges_(events::scan_ranges(log)),
        part_(ranges_.size() - 1) {}

  Transitions operator()() {
    each_range([this](std::size_t r) { part_[r] = counted(r); });
    Transitions out;
    out.states = plan_.states;
    out.count.assign(cells(), 0);
    out.customers.assign(cells(), 0);
    for (const Part& p : part_) {
      for (std::size_t i = 0; i < cells(); ++i) {
        out.count[i] += p.count[i];
        out.customers[i] += p.customers[i];
      }
      out.units += p.units;
      out.open += p.open;
    }
    out.median = medians(out.count);
    return out;
  }

 private:
  std::size_t cells() const { return side_ * side_; }
  bool takes_time(std::size_t cell) const {
    return cell / side_ + 1 < side_ && cell % side_ + 1 < side_;
  }

  template <class Body>
  void each_range(const Body& body) const {
    for_each_task(std::ssize(part_), execution_,
                  [&](std::int64_t r) { body(static_cast<std::size_t>(r)); });
  }

  template <class Tell>
  void walk(std::size_t range, const Tell& tell) const {
    StateWalk walk(log_, plan_, execution_);
    for (std::int64_t c = ranges_[range]; c < ranges_[range + 1]; ++c) walk(log_[c], tell);
  }

  Part counted(std::size_t range) const {
    Part out;
    out.count.assign(cells(), 0);
    out.customers.assign(cells(), 0);
    std::vector<std::int64_t> seen(cells(), -1);  // the last customer of a cell
    const std::size_t edge = side_ - 1;
    walk(range, [&](const UnitVisits& unit) {
      std::size_t from = edge;
      const auto step = [&](std::size_t to) {
        const std::size_t cell = from * side_ + to;
        ++out.count[cell];
        out.customers[cell] += seen[cell] != unit.customer;
        seen[cell] = unit.customer;
        from = to;
      };
      for (const std::int32_t state : unit.state) step(static_cast<std::size_t>(state));
      step(edge);
      ++out.units;
      out.open +=
          !plan_.session_gap || log_.observed_until - unit.last <= *plan_.session_gap ? 1 : 0;
    });
    return out;
  }

  /// The times of each cell side by side; those of a range have their own place in it, so that no
  /// two threads meet.
  std::vector<double> medians(const std::vector<std::int64_t>& count) {
    std::vector<std::int64_t> begin(cells() + 1, 0);
    for (std::size_t i = 0; i < cells(); ++i)
      begin[i + 1] = begin[i] + (takes_time(i) ? count[i] : 0);
    std::vector<std::int64_t> next = begin;
    for (Part& p : part_)
      for (std::size_t i = 0; i < cells(); ++i) {
        const std::int64_t here = takes_time(i) ? p.count[i] : 0;
        p.count[i] = next[i];
        next[i] += here;
      }
    Buffer<double> times = mapped_buffer<double>(begin.back(), execution_);
    each_range([&](std::size_t r) {
      std::vector<std::int64_t>& place = part_[r].count;
      walk(r, [&](const UnitVisits& unit) {
        for (std::size_t i = 1; i < unit.state.size(); ++i) {
          const auto from = static_cast<std::size_t>(unit.state[i - 1]);
          const auto cell = from * side_ + static_cast<std::size_t>(unit.state[i]);
          times[place[cell]++] = static_cast<double>(unit.time[i] - unit.time[i - 1]);
        }
      });
    });
    std::vector<double> out(cells(), std::numeric_limits<double>::quiet_NaN());
    for_each_task(std::ssize(out), execution_, [&](std::int64_t cell) {
      const auto i = static_cast<std::size_t>(cell);
      const auto first = static_cast<std::size_t>(begin[i]);
      const auto size = static_cast<std::size_t>(begin[i + 1]) - first;
      if (size > 0) out[i] = polled_quantile(times.span().subspan(first, size), 0.5, execution_);
    });
    return out;
  }

  const events::EventLog& log_;
  const StatePlan& plan_;
  const Execution& execution_;
  std::size_t side_;
  std::vector<std::int64_t> ranges_;
  std::vector<Part> part_;
};

}  // namespace

Transitions transitions(const events::EventLog& log, const StatePlan& plan,
                        const Execution& execution) {
  require_valid(log, plan);
  if (plan.states > kMaxTableStates)
    throw InvalidInput("states", -1, static_cast<double>(plan.states), "at most 254");
  return Table(log, plan, execution)();
}

}  // namespace tenure::journey
