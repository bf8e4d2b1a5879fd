#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "journey.hpp"
#include "tenure/journey/paths.hpp"
#include "tenure/journey/step_matrix.hpp"
#include "tenure/journey/transitions.hpp"

namespace tenure::python {
namespace {

using journey::PathKind;
using journey::StatePlan;

void bind_plans(py::module_& m) {
  py::class_<StatePlan>(m, "StatePlan")
      .def(py::init<>())
      .def_readwrite("by", &StatePlan::by)
      .def_readwrite("states", &StatePlan::states)
      .def_readwrite("session_gap", &StatePlan::session_gap)
      .def_readwrite("collapse", &StatePlan::collapse)
      .def(
          "set_state_of",
          [](StatePlan& plan, const Column<std::int32_t>& state_of) {
            const auto codes = view(state_of, "state_of");
            plan.state_of.assign(codes.begin(), codes.end());
          },
          py::arg("state_of").noconvert());
  py::enum_<PathKind>(m, "PathKind")
      .value("part", PathKind::part)
      .value("whole", PathKind::whole)
      .value("loop", PathKind::loop);
  m.attr("MAX_TABLE_STATES") = journey::kMaxTableStates;
  m.attr("MAX_MATRIX_STEPS") = journey::kMaxMatrixSteps;
}

py::dict transitions(const events::EventLog& log, const StatePlan& plan, int threads) {
  auto t = without_gil(threads, [&](const Execution& execution) {
    return journey::transitions(log, plan, execution);
  });
  py::dict out;
  out["counts"] = release_to_numpy(std::move(t.count));
  out["customers"] = release_to_numpy(std::move(t.customers));
  out["median"] = release_to_numpy(std::move(t.median));
  out["units"] = t.units;
  out["open"] = t.open;
  return out;
}

py::dict step_counts(const events::EventLog& log, const StatePlan& states, std::int64_t steps,
                     const std::vector<std::uint8_t>& anchor, int threads) {
  auto s = without_gil(threads, [&](const Execution& execution) {
    return journey::step_counts(log, states, {steps, anchor}, execution);
  });
  py::dict out;
  out["counts"] = release_to_numpy(std::move(s.count));
  out["units"] = s.units;
  out["without_anchor"] = s.without_anchor;
  return out;
}

py::dict paths(const events::EventLog& log, const StatePlan& states, PathKind kind,
               std::int64_t least, std::int64_t most, const std::vector<std::uint8_t>& start,
               const std::vector<std::uint8_t>& end, std::int64_t top, int threads) {
  auto p = without_gil(threads, [&](const Execution& execution) {
    return journey::paths(log, states, {kind, least, most, start, end, top}, execution);
  });
  py::dict out;
  out["offset"] = release_to_numpy(std::move(p.offset));
  out["state"] = release_to_numpy(std::move(p.state));
  out["counts"] = release_to_numpy(std::move(p.count));
  out["customers"] = release_to_numpy(std::move(p.customers));
  out["median"] = release_to_numpy(std::move(p.median));
  out["distinct"] = p.distinct;
  out["total"] = p.total;
  out["units"] = p.units;
  out["all_customers"] = p.all_customers;
  return out;
}

}  // namespace

void bind_states(py::module_& m) {
  bind_plans(m);
  m.def(
      "rows_by_code",
      [](const events::EventLog& log, std::optional<std::size_t> by, std::int64_t codes,
         int threads) {
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return journey::rows_by_code(log, by, codes, execution);
        }));
      },
      py::arg("log"), py::arg("by"), py::arg("codes"), py::arg("threads"));
  m.def("transitions", &transitions, py::arg("log"), py::arg("plan"), py::arg("threads"));
  m.def("step_counts", &step_counts, py::arg("log"), py::arg("states"), py::arg("steps"),
        py::arg("anchor"), py::arg("threads"));
  m.def("paths", &paths, py::arg("log"), py::arg("states"), py::arg("kind"), py::arg("least"),
        py::arg("most"), py::arg("start"), py::arg("end"), py::arg("top"), py::arg("threads"));
}

}  // namespace tenure::python
