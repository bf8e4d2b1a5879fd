#pragma once
#include <pybind11/pybind11.h>

namespace tenure::python {
namespace py = pybind11;

// The parts of the submodule `cohort`, one subject each.
void bind_cohort_states(py::module_& m);
void bind_growth(py::module_& m);
void bind_retention(py::module_& m);

}  // namespace tenure::python
