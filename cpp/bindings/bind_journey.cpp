#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/journey/funnel.hpp"
#include "tenure/journey/funnel_table.hpp"
#include "tenure/journey/sessions.hpp"

namespace tenure::python {
namespace {

using journey::FunnelPlan;
using journey::FunnelUnits;

/// The names are checked by the Python layer.
void bind_plan(py::module_& m) {
  py::enum_<journey::StepOrder>(m, "StepOrder")
      .value("ordered", journey::StepOrder::ordered)
      .value("strict", journey::StepOrder::strict)
      .value("any", journey::StepOrder::any)
      .value("anchored", journey::StepOrder::anchored);
  py::enum_<journey::ChainStart>(m, "ChainStart")
      .value("any", journey::ChainStart::any)
      .value("first", journey::ChainStart::first)
      .value("every", journey::ChainStart::every);
  py::class_<FunnelPlan>(m, "FunnelPlan")
      .def(py::init<>())
      .def_readwrite("steps", &FunnelPlan::steps)
      .def_readwrite("step_of", &FunnelPlan::step_of)
      .def_readwrite("exclude", &FunnelPlan::exclude)
      .def_readwrite("optional", &FunnelPlan::optional)
      .def_readwrite("window", &FunnelPlan::window)
      .def_readwrite("window_from_previous", &FunnelPlan::window_from_previous)
      .def_readwrite("order", &FunnelPlan::order)
      .def_readwrite("start", &FunnelPlan::start)
      .def_readwrite("increasing", &FunnelPlan::increasing)
      .def_readwrite("reuse", &FunnelPlan::reuse)
      .def_readwrite("hold", &FunnelPlan::hold)
      .def_readwrite("split", &FunnelPlan::split)
      .def_readwrite("session_gap", &FunnelPlan::session_gap)
      .def_readwrite("by", &FunnelPlan::by)
      .def_readwrite("by_last", &FunnelPlan::by_last);
  m.attr("NO_WINDOW") = journey::kNoWindow;
  m.attr("MAX_STEPS") = journey::kMaxSteps;
}

void bind_units(py::module_& m) {
  py::class_<FunnelUnits>(m, "FunnelUnits")
      .def("reached", [](const FunnelUnits& u) { return release_to_numpy(std::vector(u.reached)); })
      .def("group", [](const FunnelUnits& u) { return release_to_numpy(std::vector(u.group)); })
      .def(
          "time",
          [](const FunnelUnits& u, std::size_t step) {
            return release_to_numpy(std::vector(u.time.at(step)));
          },
          py::arg("step"));
}

py::dict table(const FunnelUnits& units, const std::optional<Column<std::int64_t>>& rows,
               std::uint32_t optional, const std::vector<std::int64_t>& window,
               std::int64_t longest, double level, const std::vector<double>& quantile) {
  const auto chosen = view(rows, "rows");
  auto t = without_gil(1, [&](const Execution& execution) {
    return journey::funnel_table(units, chosen, {optional, window, longest, level, quantile},
                                 execution);
  });
  py::dict out;
  out["counts"] = release_to_numpy(std::move(t.count));
  out["rates"] = release_to_numpy(std::move(t.rate));
  out["lower"] = release_to_numpy(std::move(t.lower));
  out["upper"] = release_to_numpy(std::move(t.upper));
  out["step_rates"] = release_to_numpy(std::move(t.step_rate));
  out["step_lower"] = release_to_numpy(std::move(t.step_lower));
  out["step_upper"] = release_to_numpy(std::move(t.step_upper));
  out["time_quantiles"] = release_to_numpy(std::move(t.time_quantile));
  out["lag_quantiles"] = release_to_numpy(std::move(t.lag_quantile));
  out["open"] = release_to_numpy(std::move(t.open));
  out["final_rates"] = release_to_numpy(std::move(t.final_rate));
  out["final_lower"] = release_to_numpy(std::move(t.final_lower));
  out["final_upper"] = release_to_numpy(std::move(t.final_upper));
  return out;
}

py::dict sessions(const events::EventLog& log, std::int64_t gap, int threads) {
  auto s = without_gil(
      threads, [&](const Execution& execution) { return journey::sessions(log, gap, execution); });
  py::dict out;
  out["customer"] = release_to_numpy(std::move(s.customer));
  out["start"] = release_to_numpy(std::move(s.start));
  out["length"] = release_to_numpy(std::move(s.length));
  out["events"] = release_to_numpy(std::move(s.events));
  return out;
}

}  // namespace

void bind_journey(py::module_& m) {
  bind_plan(m);
  bind_units(m);
  m.def(
      "funnel_units",
      [](const events::EventLog& log, const FunnelPlan& plan, int threads) {
        return without_gil(threads, [&](const Execution& execution) {
          return journey::funnel_units(log, plan, execution);
        });
      },
      py::arg("log"), py::arg("plan"), py::arg("threads"));
  m.def("funnel_table", &table, py::arg("units"), py::arg("rows").noconvert(), py::arg("optional"),
        py::arg("window"), py::arg("longest"), py::arg("level"), py::arg("quantile"));
  m.def("sessions", &sessions, py::arg("log"), py::arg("gap"), py::arg("threads"));
}

}  // namespace tenure::python
