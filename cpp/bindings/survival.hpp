#pragma once
#include <pybind11/pybind11.h>

namespace tenure::python {
namespace py = pybind11;

// The parts of the submodule `survival`, one subject each.
void bind_cure(py::module_& m);
void bind_survival_curves(py::module_& m);
void bind_survival_regression(py::module_& m);
void bind_survival_tests(py::module_& m);
void bind_beta_geometric(py::module_& m);

}  // namespace tenure::python
