#include "cohort.hpp"

namespace tenure::python {

void bind_cohort(py::module_& m) {
  bind_cohort_states(m);
  bind_retention(m);
  bind_growth(m);
  bind_compare(m);
  bind_contracts(m);
}

}  // namespace tenure::python
