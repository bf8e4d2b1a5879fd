#pragma once
#include <pybind11/pybind11.h>

namespace tenure::python {
namespace py = pybind11;

// The parts of the submodule `churn`, one subject each.
void bind_causes(py::module_& m);
void bind_logistic(py::module_& m);
void bind_elastic_net(py::module_& m);  // after those of the data it fits
void bind_calibration(py::module_& m);
void bind_roc(py::module_& m);
void bind_uplift(py::module_& m);
void bind_survival_measures(py::module_& m);

}  // namespace tenure::python
