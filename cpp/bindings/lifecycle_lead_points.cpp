#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "lifecycle.hpp"
#include "tenure/lifecycle/lead_points.hpp"

namespace tenure::python {

void bind_lead_points(py::module_& m) {
  using lifecycle::PointRule;
  py::class_<PointRule>(m, "PointRule")
      .def(py::init<double, std::int64_t, double, std::vector<std::uint8_t>>(), py::arg("points"),
           py::arg("cap"), py::arg("half_life"), py::arg("event"));
  m.attr("MAX_POINT_RULES") = lifecycle::kMaxPointRules;
  m.def(
      "lead_points",
      [](const events::EventLog& log, const std::vector<PointRule>& rules, std::int64_t at,
         int threads) {
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return lifecycle::lead_points(log, rules, at, execution);
        }));
      },
      py::arg("log"), py::arg("rules"), py::arg("at"), py::arg("threads"));
}

}  // namespace tenure::python
