#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "cohort.hpp"
#include "execution.hpp"
#include "tenure/cohort/members.hpp"
#include "tenure/cohort/retention.hpp"
#include "tenure/support/errors.hpp"

/// States of cohort scans, and their arrays: what goes from one process to another.
namespace tenure::python {
namespace {

using cohort::MemberRows;
using cohort::RetentionCounts;
using Integers = Column<std::int64_t>;

constexpr std::int64_t kSumCells = 1 + OrderFreeSum::kDigits;

[[noreturn]] void refuse(const char* what) { throw InvalidInput("state", -1, std::string(what)); }

void require(bool holds, const char* what) {
  if (!holds) refuse(what);
}

void write(std::vector<std::int64_t>& to, const OrderFreeSum& sum) {
  to.push_back(sum.top());
  to.insert(to.end(), sum.digits().begin(), sum.digits().end());
}

OrderFreeSum sum_at(std::span<const std::int64_t> from, std::size_t i) {
  const auto cells = from.subspan(i * kSumCells, kSumCells);
  require(cells[0] >= 0 && cells[0] < 256, "has a sum of impossible size");
  std::array<std::int64_t, OrderFreeSum::kDigits> digits;
  for (std::size_t d = 0; d < digits.size(); ++d) {
    digits[d] = cells[d + 1];
    require(std::abs(digits[d]) <= std::int64_t{1} << 60, "has a sum of too many terms");
  }
  return {cells[0], digits};
}

py::dict counts_state(const RetentionCounts& c) {
  std::vector<std::int64_t> revenue,
      head{c.first_period, c.complete, c.periods, c.ages, c.without_orders};
  write(head, c.unassigned);
  for (const OrderFreeSum& sum : c.revenue) write(revenue, sum);
  py::dict out;
  out["head"] = release_to_numpy(std::move(head));
  out["size"] = release_to_numpy(std::vector(c.size));
  out["active"] = release_to_numpy(std::vector(c.active));
  out["revenue"] = release_to_numpy(std::move(revenue));
  return out;
}

RetentionCounts counts_from(const Integers& head, const Integers& size, const Integers& active,
                            const Integers& revenue) {
  const auto h = view(head, "head"), s = view(size, "size"), a = view(active, "active"),
             r = view(revenue, "revenue");
  require(h.size() == 5 + kSumCells, "has another head");
  RetentionCounts c;
  c.first_period = h[0];
  c.complete = h[1];
  c.periods = h[2];
  c.ages = h[3];
  c.without_orders = h[4];
  c.unassigned = sum_at(h.subspan(5), 0);
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  require(c.periods >= 0 && c.periods <= kMost && c.ages >= 0 && c.ages <= kMost &&
              c.periods * c.ages <= kMost,
          "has too many cells");
  require(std::abs(c.first_period) < kMost && c.complete <= c.first_period + c.periods - 1 &&
              c.complete - c.first_period < kMost && c.complete >= c.first_period - kMost,
          "covers impossible periods");
  const auto cells = c.periods * c.ages;
  require(s.empty() ? a.empty() && r.empty()
                    : std::ssize(s) == c.periods && std::ssize(a) == cells &&
                          (r.empty() || std::ssize(r) == cells * kSumCells),
          "has arrays of another length");
  c.size.assign(s.begin(), s.end());
  c.active.assign(a.begin(), a.end());
  for (std::size_t i = 0; i < r.size() / kSumCells; ++i) c.revenue.push_back(sum_at(r, i));
  return c;
}

template <class T, class Rows, class Get>
auto column_of(const Rows& rows, const Get& get) {
  std::vector<T> values;
  values.reserve(rows.size());
  for (const auto& row : rows) values.push_back(get(row));
  return release_to_numpy(std::move(values));
}

py::dict rows_state(const MemberRows& m) {
  using Row = MemberRows::Row;
  using Cell = cohort::Members::Cell;
  std::vector<std::int64_t> head{m.customers, m.from, m.without_start};
  write(head, m.unassigned);
  py::dict out;
  out["head"] = release_to_numpy(std::move(head));
  out["customer"] = column_of<std::int64_t>(m.rows, [](const Row& r) { return r.customer; });
  out["period"] = column_of<std::int64_t>(m.rows, [](const Row& r) { return r.period; });
  out["last_age"] = column_of<std::int64_t>(m.rows, [](const Row& r) { return r.last_age; });
  out["first_cell"] = column_of<std::int64_t>(m.rows, [](const Row& r) { return r.first_cell; });
  out["group"] = column_of<std::int32_t>(m.rows, [](const Row& r) { return r.group; });
  out["age"] = column_of<std::int32_t>(m.cells, [](const Cell& c) { return c.age; });
  out["events"] = column_of<std::int32_t>(m.cells, [](const Cell& c) { return c.events; });
  out["amount"] = column_of<double>(m.cells, [](const Cell& c) { return c.amount; });
  return out;
}

MemberRows rows_from(const Integers& head, const Integers& customer, const Integers& period,
                     const Integers& last_age, const Integers& first_cell,
                     const Column<std::int32_t>& group, const Column<std::int32_t>& age,
                     const Column<std::int32_t>& events, const Column<double>& amount) {
  const auto h = view(head, "head");
  require(h.size() == 3 + kSumCells, "has another head");
  MemberRows m;
  m.customers = h[0];
  m.from = h[1];
  m.without_start = h[2];
  m.unassigned = sum_at(h.subspan(3), 0);
  const auto who = view(customer, "customer"), when = view(period, "period"),
             last = view(last_age, "last_age"), first = view(first_cell, "first_cell");
  const auto code = view(group, "group"), k = view(age, "age"), n = view(events, "events");
  const auto money = view(amount, "amount");
  require(when.size() == who.size() && last.size() == who.size() && first.size() == who.size() &&
              code.size() == who.size() && n.size() == k.size() && money.size() == k.size(),
          "has arrays of another length");
  for (std::size_t i = 0; i < who.size(); ++i)
    m.rows.push_back({who[i], when[i], last[i], first[i], code[i]});
  for (std::size_t i = 0; i < k.size(); ++i) m.cells.push_back({k[i], n[i], money[i]});
  return m;
}

void regroup(MemberRows& m, const Column<std::int32_t>& codes) {
  const auto to = view(codes, "codes");
  for (auto& row : m.rows) {
    if (row.group < 0) continue;
    require(row.group < std::ssize(to), "has a group without a name");
    row.group = to[static_cast<std::size_t>(row.group)];
  }
}

}  // namespace

void bind_cohort_states(py::module_& m) {
  py::class_<RetentionCounts>(m, "RetentionCounts")
      .def(
          "add", [](RetentionCounts& mine, const RetentionCounts& other) { mine += other; },
          py::arg("other"))
      .def("table", &cohort::retention_table, py::arg("max_age"))
      .def("state", &counts_state)
      .def_static("restore", &counts_from, py::arg("head").noconvert(), py::arg("size").noconvert(),
                  py::arg("active").noconvert(), py::arg("revenue").noconvert());
  py::class_<MemberRows>(m, "MemberRows")
      .def(
          "add", [](MemberRows& mine, const MemberRows& later) { mine += later; }, py::arg("later"))
      .def("regroup", &regroup, py::arg("codes").noconvert())
      .def(
          "assemble",
          [](const MemberRows& rows, Period period, bool rolling,
             std::optional<std::int64_t> max_age, std::optional<std::vector<std::int64_t>> brackets,
             const TimeZone& timezone, std::int64_t until) {
            cohort::MemberOptions o;
            o.period = period;
            o.clock = rolling ? cohort::Clock::rolling : cohort::Clock::calendar;
            o.max_age = max_age;
            o.brackets = std::move(brackets);
            return without_gil(1, [&](const Execution& execution) {
              return cohort::assemble(rows, o, timezone, until, execution);
            });
          },
          py::arg("period"), py::arg("rolling"), py::arg("max_age"), py::arg("brackets"),
          py::arg("timezone"), py::arg("observed_until"))
      .def("state", &rows_state)
      .def_static("restore", &rows_from, py::arg("head").noconvert(),
                  py::arg("customer").noconvert(), py::arg("period").noconvert(),
                  py::arg("last_age").noconvert(), py::arg("first_cell").noconvert(),
                  py::arg("group").noconvert(), py::arg("age").noconvert(),
                  py::arg("events").noconvert(), py::arg("amount").noconvert());
}

}  // namespace tenure::python
