#include "cohort.hpp"

namespace tenure::python {

void bind_cohort(py::module_& m) { bind_retention(m); }

}  // namespace tenure::python
