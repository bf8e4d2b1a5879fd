#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "lifecycle.hpp"
#include "tenure/lifecycle/facts.hpp"
#include "tenure/lifecycle/outcomes.hpp"
#include "tenure/lifecycle/stages.hpp"

namespace tenure::python {
namespace {

using lifecycle::Calibration;
using lifecycle::CalibrationOptions;

py::list seed_rules() {
  py::list rules;
  for (const auto& r : lifecycle::seed_rules())
    rules.append(py::make_tuple(r.stage, r.four_stage, r.classic, r.text));
  return rules;
}

void bind_calibration(py::module_& m) {
  py::class_<CalibrationOptions>(m, "CalibrationOptions")
      .def(py::init<double, std::optional<double>, std::optional<double>,
                    std::optional<std::array<double, 2>>, std::optional<std::array<double, 3>>,
                    std::int64_t>(),
           py::arg("new_days"), py::arg("active_days"), py::arg("lapsed_days"),
           py::arg("frequency_cuts"), py::arg("value_cuts"), py::arg("min_repeaters"));
  py::class_<Calibration>(m, "Calibration")
      .def_readonly("new_days", &Calibration::new_days)
      .def_readonly("active_days", &Calibration::active_days)
      .def_readonly("lapsed_days", &Calibration::lapsed_days)
      .def_readonly("frequency_cuts", &Calibration::frequency_cuts)
      .def_readonly("value_cuts", &Calibration::value_cuts)
      .def_readonly("mean_gap", &Calibration::mean_gap)
      .def_readonly("gaps", &Calibration::gaps)
      .def_readonly("repeaters", &Calibration::repeaters)
      .def_readonly("fallback", &Calibration::fallback);
}

py::tuple assign(const events::EventLog& log, std::int64_t at, std::int64_t window_days,
                 const CalibrationOptions& options, const Column<std::uint8_t>& identified,
                 int threads) {
  const auto flags = view(identified, "identified");
  lifecycle::CustomerFacts facts;
  Calibration calibration;
  std::vector<std::uint8_t> rule;
  without_gil(threads, [&](const Execution& execution) {
    facts = lifecycle::customer_facts(log, {at, window_days}, execution);
    calibration = lifecycle::calibrate(facts, options, execution);
    rule = lifecycle::assign_stages(facts, calibration, flags);
  });
  py::dict out;
  out["known"] = release_to_numpy(std::move(facts.known));
  out["rule"] = release_to_numpy(std::move(rule));
  out["n_orders"] = release_to_numpy(std::move(facts.orders));
  out["days_since_last"] = release_to_numpy(std::move(facts.days_since_last));
  out["mean_gap"] = release_to_numpy(std::move(facts.mean_gap));
  out["last_gap"] = release_to_numpy(std::move(facts.last_gap));
  out["net_value"] = release_to_numpy(std::move(facts.net_value));
  out["window_orders"] = release_to_numpy(std::move(facts.window_orders));
  out["window_value"] = release_to_numpy(std::move(facts.window_value));
  return py::make_tuple(calibration, out);
}

py::dict group_outcomes(const Column<std::uint8_t>& group, const Column<std::uint8_t>& ordered,
                        const Column<double>& revenue, std::int64_t groups, double level,
                        double winsorise) {
  const lifecycle::OutcomeRows rows{view(group, "group"), view(ordered, "ordered"),
                                    view(revenue, "revenue")};
  auto o = without_gil(1, [&](const Execution&) {
    return lifecycle::group_outcomes(rows, groups, {level, winsorise});
  });
  py::dict out;
  out["customers"] = release_to_numpy(std::move(o.customers));
  out["lost"] = release_to_numpy(std::move(o.lost));
  out["loss_risk"] = release_to_numpy(std::move(o.loss));
  out["loss_lower"] = release_to_numpy(std::move(o.loss_lower));
  out["loss_upper"] = release_to_numpy(std::move(o.loss_upper));
  out["revenue"] = release_to_numpy(std::move(o.revenue));
  out["mean"] = release_to_numpy(std::move(o.mean));
  out["mean_lower"] = release_to_numpy(std::move(o.mean_lower));
  out["mean_upper"] = release_to_numpy(std::move(o.mean_upper));
  out["median"] = release_to_numpy(std::move(o.median));
  out["winsorised_mean"] = release_to_numpy(std::move(o.winsorised_mean));
  return out;
}

}  // namespace

void bind_lifecycle(py::module_& m) {
  bind_calibration(m);
  bind_lead_points(m);
  m.def("seed_rules", &seed_rules);
  m.def("assign", &assign, py::arg("log"), py::arg("at"), py::arg("window_days"),
        py::arg("options"), py::arg("identified").noconvert(), py::arg("threads"));
  m.def(
      "window_facts",
      [](const events::EventLog& log, const std::vector<std::int64_t>& edges, int threads) {
        auto facts = without_gil(threads, [&](const Execution& execution) {
          return lifecycle::window_facts(log, edges, execution);
        });
        return py::make_tuple(release_to_numpy(std::move(facts.ordered)),
                              release_to_numpy(std::move(facts.revenue)));
      },
      py::arg("log"), py::arg("edges"), py::arg("threads"));
  m.def("group_outcomes", &group_outcomes, py::arg("group").noconvert(),
        py::arg("ordered").noconvert(), py::arg("revenue").noconvert(), py::arg("groups"),
        py::arg("level"), py::arg("winsorise"));
  bind_panel(m);
  bind_movement(m);
}

}  // namespace tenure::python
