#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/cohort/retention.hpp"
#include "tenure/cohort/retention_rates.hpp"

namespace tenure::python {
namespace {

using cohort::RetentionTable;

void bind_table(py::module_& m) {
  py::class_<RetentionTable>(m, "RetentionTable")
      .def_readonly("cohorts", &RetentionTable::cohorts)
      .def_readonly("ages", &RetentionTable::ages)
      .def_readonly("without_orders", &RetentionTable::without_orders)
      .def_readonly("unassigned_revenue", &RetentionTable::unassigned_revenue)
      .def("first_days",
           [](const RetentionTable& t, Period period) {
             std::vector<std::int64_t> days;
             for (std::int64_t c = 0; c < t.cohorts; ++c)
               days.push_back(first_day_of_period(t.first_period + c, period));
             return release_to_numpy(std::move(days));
           })
      .def("sizes", [](const RetentionTable& t) { return release_to_numpy(std::vector(t.size)); })
      .def("observed",
           [](const RetentionTable& t) { return release_to_numpy(std::vector(t.observed)); })
      .def("active",
           [](const RetentionTable& t) { return release_to_numpy(std::vector(t.active)); });
}

/// The names are checked by the Python layer.
cohort::RateOptions options_of(const std::string& value, const std::string& denominator,
                               const std::string& mean) {
  return {value == "revenue" ? cohort::Value::revenue : cohort::Value::customers,
          denominator == "cohort"     ? cohort::Denominator::cohort
          : denominator == "previous" ? cohort::Denominator::previous
                                      : cohort::Denominator::at_risk,
          mean == "simple" ? cohort::MeanKind::simple : cohort::MeanKind::weighted};
}

void bind_options(py::module_& m) {
  py::class_<cohort::RateOptions>(m, "RateOptions")
      .def(py::init(&options_of), py::arg("value"), py::arg("denominator"), py::arg("mean"))
      .def_property_readonly("is_proportion", &cohort::RateOptions::is_proportion);
}

py::dict rates(const RetentionTable& table, const cohort::RateOptions& options) {
  auto r = cohort::retention_rates(table, options);
  py::dict out;
  out["count"] = release_to_numpy(std::move(r.count));
  out["denominator"] = release_to_numpy(std::move(r.denominator));
  out["rate"] = release_to_numpy(std::move(r.rate));
  out["mean_count"] = release_to_numpy(std::move(r.mean_count));
  out["mean_denominator"] = release_to_numpy(std::move(r.mean_denominator));
  out["mean"] = release_to_numpy(std::move(r.mean));
  out["mean_cohorts"] = release_to_numpy(std::move(r.mean_cohorts));
  return out;
}

py::tuple bootstrap(const events::EventLog& log, const RetentionTable& table, Period period,
                    const cohort::RateOptions& options, std::int64_t replicates, std::uint64_t seed,
                    double level, int threads) {
  auto limits = without_gil(threads, [&](const Execution& execution) {
    return cohort::retention_bootstrap(log, table, period, options, {replicates, seed, level},
                                       execution);
  });
  return py::make_tuple(release_to_numpy(std::move(limits.lower)),
                        release_to_numpy(std::move(limits.upper)),
                        release_to_numpy(std::move(limits.mean_lower)),
                        release_to_numpy(std::move(limits.mean_upper)));
}

}  // namespace

void bind_cohort(py::module_& m) {
  bind_table(m);
  bind_options(m);
  m.def(
      "retention",
      [](const events::EventLog& log, Period period, std::optional<std::int64_t> max_age,
         int threads) {
        return without_gil(threads, [&](const Execution& execution) {
          return cohort::retention(log, {period, max_age}, execution);
        });
      },
      py::arg("log"), py::arg("period"), py::arg("max_age"), py::arg("threads"));
  m.def("retention_rates", &rates, py::arg("table"), py::arg("options"));
  m.def("retention_bootstrap", &bootstrap, py::arg("log"), py::arg("table"), py::arg("period"),
        py::arg("options"), py::arg("replicates"), py::arg("seed"), py::arg("level"),
        py::arg("threads"));
}

}  // namespace tenure::python
