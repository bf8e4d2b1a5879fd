#pragma once
#include <pybind11/pybind11.h>

namespace tenure::python {

void bind_segment_categorical(pybind11::module_& m);

}  // namespace tenure::python
