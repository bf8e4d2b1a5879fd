#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "journey.hpp"
#include "tenure/journey/attribution.hpp"

namespace tenure::python {
namespace {

using journey::AttributionPlan;

void bind_attribution_plan(py::module_& m) {
  py::class_<AttributionPlan>(m, "AttributionPlan")
      .def(py::init<>())
      .def_readwrite("by", &AttributionPlan::by)
      .def_readwrite("channel_of", &AttributionPlan::channel_of)
      .def_readwrite("channels", &AttributionPlan::channels)
      .def_readwrite("touch", &AttributionPlan::touch)
      .def_readwrite("conversion", &AttributionPlan::conversion)
      .def_readwrite("models", &AttributionPlan::models)
      .def_readwrite("lookback", &AttributionPlan::lookback)
      .def_readwrite("half_life", &AttributionPlan::half_life)
      .def_readwrite("position", &AttributionPlan::position)
      .def_readwrite("order", &AttributionPlan::order)
      .def_readwrite("revenue", &AttributionPlan::revenue);
  m.attr("CREDIT_MODELS") =
      py::make_tuple("last", "first", "linear", "position", "time_decay", "shapley", "markov");
  m.attr("MAX_CHANNELS") = journey::kMaxChannels;
}

py::dict attribution(const events::EventLog& log, const AttributionPlan& plan, int threads) {
  auto a = without_gil(threads, [&](const Execution& execution) {
    return journey::attribution(log, plan, execution);
  });
  py::dict out;
  out["credit"] = release_to_numpy(std::move(a.credit));
  out["money"] = release_to_numpy(std::move(a.money));
  out["effect"] = release_to_numpy(std::move(a.effect));
  out["conversions"] = a.conversions;
  out["credited"] = a.credited;
  out["revenue"] = a.revenue;
  out["credited_revenue"] = a.credited_revenue;
  out["paths"] = a.paths;
  return out;
}

}  // namespace

void bind_attribution(py::module_& m) {
  bind_attribution_plan(m);
  m.def("attribution", &attribution, py::arg("log"), py::arg("plan"), py::arg("threads"));
  m.def(
      "attribution_bootstrap",
      [](const events::EventLog& log, const AttributionPlan& plan, std::int64_t replicates,
         std::uint64_t seed, double level, int threads) {
        auto limits = without_gil(threads, [&](const Execution& execution) {
          return journey::attribution_bootstrap(log, plan, {replicates, seed, level}, execution);
        });
        return py::make_tuple(release_to_numpy(std::move(limits.lower)),
                              release_to_numpy(std::move(limits.upper)));
      },
      py::arg("log"), py::arg("plan"), py::arg("replicates"), py::arg("seed"), py::arg("level"),
      py::arg("threads"));
}

}  // namespace tenure::python
