#pragma once
#include <pybind11/pybind11.h>

namespace tenure::python {
namespace py = pybind11;

// The parts of the submodule `lifecycle`, one subject each.
void bind_lead_points(py::module_& m);
void bind_panel(py::module_& m);
void bind_movement(py::module_& m);

}  // namespace tenure::python
