#include <pybind11/stl.h>

#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/roc.hpp"
#include "tenure/special/incomplete_beta.hpp"

namespace tenure::python {
namespace {

py::tuple points(const Column<double>& score, const Column<std::uint8_t>& label,
                 const std::optional<Column<double>>& weight) {
  const auto s = view(score, "score");
  const auto l = view(label, "churned");
  const auto w = view(weight, "sample_weight").value_or(std::span<const double>{});
  auto found = without_gil(
      1, [&](const Execution& execution) { return churn::roc_points(s, l, w, execution); });
  return py::make_tuple(release_to_numpy(std::move(found.threshold)),
                        release_to_numpy(std::move(found.positives)),
                        release_to_numpy(std::move(found.negatives)));
}

py::array hull(const Column<double>& positives, const Column<double>& negatives) {
  return release_to_numpy(
      churn::roc_hull(view(positives, "positives"), view(negatives, "negatives")));
}

py::array placements(const Column<double>& score, const Column<std::uint8_t>& label) {
  const auto s = view(score, "score");
  const auto l = view(label, "churned");
  return release_to_numpy(without_gil(
      1, [&](const Execution& execution) { return churn::roc_placements(s, l, execution); }));
}

}  // namespace

void bind_roc(py::module_& m) {
  m.def("roc_points", &points, py::arg("score").noconvert(), py::arg("label").noconvert(),
        py::arg("weight").noconvert().none(true));
  m.def("roc_hull", &hull, py::arg("positives").noconvert(), py::arg("negatives").noconvert());
  m.def("roc_placements", &placements, py::arg("score").noconvert(), py::arg("label").noconvert());
}

}  // namespace tenure::python
