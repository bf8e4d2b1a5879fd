#pragma once
#include <pybind11/pybind11.h>

namespace tenure::python {

void bind_states(pybind11::module_& m);
void bind_attribution(pybind11::module_& m);

}  // namespace tenure::python
