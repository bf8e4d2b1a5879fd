#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "lifecycle.hpp"
#include "tenure/lifecycle/panel.hpp"

namespace tenure::python {
namespace {

using lifecycle::Calibration;
using lifecycle::Clock;
using lifecycle::ClockKind;
using lifecycle::RuleProgram;
using Codes = Column<std::uint8_t>;
using Numbers = Column<double>;

Clock clock_of(const std::string& kind, double prior_gaps, double alive_above, double lost_below,
               const std::optional<Numbers>& alive, const std::optional<Numbers>& contract_end) {
  Clock clock;
  clock.kind = kind == "own"        ? ClockKind::own
               : kind == "alive"    ? ClockKind::alive
               : kind == "contract" ? ClockKind::contract
                                    : ClockKind::population;
  clock.prior_gaps = prior_gaps;
  clock.alive_above = alive_above;
  clock.lost_below = lost_below;
  if (alive) clock.alive = view(*alive, "alive");
  if (contract_end) clock.contract_end = view(*contract_end, "contract_end");
  return clock;
}

RuleProgram program_of(const std::vector<std::pair<int, std::int32_t>>& code,
                       std::vector<std::int32_t> end, std::vector<double> constants,
                       std::int32_t columns) {
  RuleProgram program{{},
                      std::move(end),
                      std::move(constants),
                      static_cast<std::int32_t>(lifecycle::Fact::count) + columns};
  for (const auto& [op, argument] : code)
    program.code.push_back({static_cast<lifecycle::Op>(op), argument});
  lifecycle::require_valid(program);
  return program;
}

Codes match_rules(const RuleProgram& program, const Numbers& facts, int threads) {
  const auto values = view(facts, "facts");
  return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
    return lifecycle::match_rules(program, values, execution);
  }));
}

Codes label_panel(const events::EventLog& log, const std::vector<std::int64_t>& at,
                  std::int64_t window_days, const std::vector<Calibration>& calibrations,
                  const Clock& clock, const RuleProgram* program, const Codes& identified,
                  const std::optional<Numbers>& contract_start, const std::vector<Numbers>& columns,
                  int threads) {
  lifecycle::PanelRules rules{program, view(identified, "identified")};
  if (contract_start) rules.contract_start = view(*contract_start, "contract_start");
  for (const Numbers& column : columns) rules.columns.push_back({view(column, "columns")});
  auto codes = without_gil(threads, [&](const Execution& execution) {
    return lifecycle::label_panel(log, {at, window_days}, calibrations, clock, rules, execution);
  });
  return release_to_numpy(std::move(codes));
}

Codes settle(const Codes& codes, std::int64_t customers, const std::vector<std::int32_t>& rank,
             std::int64_t patience, int threads) {
  const auto raw = view(codes, "codes");
  std::vector<std::uint8_t> settled(raw.begin(), raw.end());
  without_gil(threads, [&](const Execution& execution) {
    lifecycle::settle(settled, customers, rank, patience, execution);
    return 0;
  });
  return release_to_numpy(std::move(settled));
}

}  // namespace

void bind_panel(py::module_& m) {
  m.attr("UNKNOWN") = static_cast<int>(lifecycle::kUnknown);
  m.attr("UNMATCHED") = static_cast<int>(lifecycle::kUnmatched);
  m.attr("FACTS") = static_cast<int>(lifecycle::Fact::count);
  // The clock views arrays: they live as long as it does.
  py::class_<Clock>(m, "Clock")
      .def(py::init(&clock_of), py::arg("kind"), py::arg("prior_gaps"), py::arg("alive_above"),
           py::arg("lost_below"), py::arg("alive").noconvert(), py::arg("contract_end").noconvert(),
           py::keep_alive<1, 6>(), py::keep_alive<1, 7>());
  py::class_<RuleProgram>(m, "RuleProgram")
      .def(py::init(&program_of), py::arg("code"), py::arg("end"), py::arg("constants"),
           py::arg("columns"))
      .def("match", &match_rules, py::arg("facts").noconvert(), py::arg("threads"));
  m.def(
      "calibrate_panel",
      [](const events::EventLog& log, const std::vector<std::int64_t>& at, std::int64_t window_days,
         const lifecycle::CalibrationOptions& options, int threads) {
        return without_gil(threads, [&](const Execution& execution) {
          return lifecycle::calibrate_panel(log, {at, window_days}, options, execution);
        });
      },
      py::arg("log"), py::arg("at"), py::arg("window_days"), py::arg("options"),
      py::arg("threads"));
  m.def("label_panel", &label_panel, py::arg("log"), py::arg("at"), py::arg("window_days"),
        py::arg("calibrations"), py::arg("clock"), py::arg("program").none(true),
        py::arg("identified").noconvert(), py::arg("contract_start").noconvert(),
        py::arg("columns").noconvert(), py::arg("threads"));
  m.def("settle", &settle, py::arg("codes").noconvert(), py::arg("customers"), py::arg("rank"),
        py::arg("patience"), py::arg("threads"));
}

}  // namespace tenure::python
