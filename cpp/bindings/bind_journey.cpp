#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "journey.hpp"
#include "tenure/journey/funnel.hpp"
#include "tenure/journey/funnel_table.hpp"
#include "tenure/journey/sessions.hpp"
#include "tenure/support/errors.hpp"

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

using Integers = Column<std::int64_t>;

FunnelUnits units_from(int steps, const Column<std::uint32_t>& reached,
                       const Column<std::int32_t>& group, const std::vector<Integers>& unit,
                       const std::vector<Integers>& time, const std::vector<Integers>& lag,
                       const Integers& then_unit, const Column<std::uint32_t>& then_open,
                       const Column<std::uint32_t>& then_came) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw InvalidInput("state", -1, std::string(what));
  };
  const auto column = [](const auto& values) {
    const auto seen = view(values, "state");
    return std::vector(seen.begin(), seen.end());
  };
  FunnelUnits u;
  u.steps = steps;
  require(steps >= 1 && steps <= journey::kMaxSteps, "has an impossible number of steps");
  const auto inner = static_cast<std::size_t>(steps - 1);
  require(unit.size() == inner && time.size() == inner && lag.size() == inner,
          "has times of other steps");
  u.reached = column(reached);
  u.group = column(group);
  require(u.group.empty() || u.group.size() == u.reached.size(), "has arrays of another length");
  const auto require_units = [&](const std::vector<std::int64_t>& told) {
    std::int64_t last = -1;
    for (const std::int64_t i : told) {
      require(i > last && i < std::ssize(u.reached), "has times of no unit");
      last = i;
    }
  };
  for (std::size_t k = 0; k < inner; ++k) {
    FunnelUnits::Times times{column(unit[k]), column(time[k]), column(lag[k])};
    require(times.time.size() == times.unit.size() && times.lag.size() == times.unit.size(),
            "has arrays of another length");
    require_units(times.unit);
    u.at.push_back(std::move(times));
  }
  const auto who = column(then_unit);
  const auto open = column(then_open), came = column(then_came);
  require(open.size() == who.size() && came.size() == who.size(), "has arrays of another length");
  require_units(who);
  const auto later = static_cast<journey::Steps>((std::uint64_t{1} << steps) - 2);
  for (std::size_t i = 0; i < who.size(); ++i) {
    const journey::Steps now = u.reached[static_cast<std::size_t>(who[i])];
    require(open[i] != 0 && (open[i] & ~later) == 0 && (came[i] & ~(open[i] & now)) == 0,
            "has steps that no unit was open at");
    u.then.push_back({who[i], open[i], came[i]});
  }
  return u;
}

void bind_units(py::module_& m) {
  using Times = FunnelUnits::Times;
  const auto column = [](std::vector<std::int64_t> Times::* values) {
    return [values](const FunnelUnits& u, std::size_t step) {
      return release_to_numpy(std::vector(u.at.at(step).*values));
    };
  };
  const auto then = [](auto value) {
    return [value](const FunnelUnits& u) {
      std::vector<std::remove_cvref_t<decltype(FunnelUnits::Landmark{}.*value)>> out;
      for (const FunnelUnits::Landmark& l : u.then) out.push_back(l.*value);
      return release_to_numpy(std::move(out));
    };
  };
  py::class_<FunnelUnits>(m, "FunnelUnits")
      .def_static("restore", &units_from, py::arg("steps"), py::arg("reached").noconvert(),
                  py::arg("group").noconvert(), py::arg("unit").noconvert(),
                  py::arg("time").noconvert(), py::arg("lag").noconvert(),
                  py::arg("then_unit").noconvert(), py::arg("then_open").noconvert(),
                  py::arg("then_came").noconvert())
      .def(
          "add", [](FunnelUnits& mine, const FunnelUnits& later) { mine += later; },
          py::arg("later"))
      .def("copy", [](const FunnelUnits& u) { return FunnelUnits(u); })
      .def_property_readonly("size", [](const FunnelUnits& u) { return std::ssize(u.reached); })
      .def("reached", [](const FunnelUnits& u) { return release_to_numpy(std::vector(u.reached)); })
      .def("group", [](const FunnelUnits& u) { return release_to_numpy(std::vector(u.group)); })
      .def("unit", column(&Times::unit), py::arg("step"))
      .def("time", column(&Times::time), py::arg("step"))
      .def("lag", column(&Times::lag), py::arg("step"))
      .def("then_unit", then(&FunnelUnits::Landmark::unit))
      .def("then_open", then(&FunnelUnits::Landmark::open))
      .def("then_came", then(&FunnelUnits::Landmark::came));
}

py::dict table(const FunnelUnits& units, const std::optional<Column<std::int64_t>>& rows,
               std::uint32_t optional, const std::vector<std::int64_t>& window,
               std::int64_t longest, double level, const std::vector<double>& quantile,
               bool landmark, int threads) {
  const auto chosen = view(rows, "rows");
  auto t = without_gil(threads, [&](const Execution& execution) {
    return journey::funnel_table(units, chosen,
                                 {optional, window, longest, level, quantile, landmark}, execution);
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
        py::arg("window"), py::arg("longest"), py::arg("level"), py::arg("quantile"),
        py::arg("landmark"), py::arg("threads"));
  m.def("sessions", &sessions, py::arg("log"), py::arg("gap"), py::arg("threads"));
  bind_states(m);
  bind_attribution(m);
}

}  // namespace tenure::python
