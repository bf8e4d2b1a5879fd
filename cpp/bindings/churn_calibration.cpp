#include <pybind11/stl.h>

#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/isotonic.hpp"
#include "tenure/churn/recalibration.hpp"

namespace tenure::python {
namespace {

py::tuple pool(const Column<double>& score, const Column<double>& target,
               const std::optional<Column<double>>& weight) {
  const auto s = view(score, "score");
  const auto t = view(target, "target");
  const auto w = view(weight, "sample_weight").value_or(std::span<const double>{});
  auto found = without_gil(
      1, [&](const Execution& execution) { return churn::isotonic(s, t, w, execution); });
  return py::make_tuple(
      release_to_numpy(std::move(found.first)), release_to_numpy(std::move(found.last)),
      release_to_numpy(std::move(found.value)), release_to_numpy(std::move(found.weight)));
}

py::array consistency(const Column<double>& probability, const Column<double>& at,
                      std::int64_t replicates, std::uint64_t seed, int threads) {
  const auto p = view(probability, "probability");
  const auto places = view(at, "at");
  return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
    return churn::isotonic_consistency(p, places, replicates, seed, execution);
  }));
}

py::dict fit(const Column<double>& columns, const std::optional<Column<double>>& offset,
             const Column<double>& target, const std::optional<Column<double>>& weight,
             bool intercept, int threads) {
  churn::RecalibrationSample sample;
  sample.columns = view(columns, "columns");
  sample.offset = view(offset, "offset").value_or(std::span<const double>{});
  sample.target = view(target, "target");
  sample.weight = view(weight, "sample_weight").value_or(std::span<const double>{});
  sample.intercept = intercept;
  auto found = without_gil(
      threads, [&](const Execution& execution) { return churn::recalibrate(sample, execution); });
  py::dict out;
  out["status"] = optim::status_name(found.status);
  out["coef"] = release_to_numpy(std::move(found.coef));
  out["covariance"] = release_to_numpy(std::move(found.covariance));
  out["log_likelihood"] = found.log_likelihood;
  out["iterations"] = found.iterations;
  out["gradient_norm"] = found.gradient_norm;
  return out;
}

}  // namespace

void bind_calibration(py::module_& m) {
  m.def("isotonic", &pool, py::arg("score").noconvert(), py::arg("target").noconvert(),
        py::arg("weight").noconvert().none(true));
  m.def("isotonic_consistency", &consistency, py::arg("probability").noconvert(),
        py::arg("at").noconvert(), py::arg("replicates"), py::arg("seed"), py::arg("threads"));
  m.def("recalibrate", &fit, py::arg("columns").noconvert(),
        py::arg("offset").noconvert().none(true), py::arg("target").noconvert(),
        py::arg("weight").noconvert().none(true), py::arg("intercept"), py::arg("threads"));
}

}  // namespace tenure::python
