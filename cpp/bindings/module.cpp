#include <pybind11/pybind11.h>

#include "tenure/support/errors.hpp"

namespace py = pybind11;

namespace tenure::python {
// One bind_<area>.cpp each.
void bind_churn(py::module_&);
void bind_clv(py::module_&);
void bind_cohort(py::module_&);
void bind_events(py::module_&);
void bind_journey(py::module_&);
void bind_lifecycle(py::module_&);
void bind_segment(py::module_&);
void bind_simulate(py::module_&);
void bind_special(py::module_&);
void bind_survival(py::module_&);

// The error classes live in Python (tenure/_errors.py), where they have docstrings and pickle; this
// is the one place that maps the engine's errors to them.
void raise_in_python(const char* name, const Error& e) {
  py::set_error(py::module_::import("tenure._errors").attr(name), e.what());
}

void register_errors() {
  py::register_local_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const InvalidInput& e) {
      const auto type = py::module_::import("tenure._errors").attr("InvalidInputError");
      const auto row = e.row() < 0 ? py::object(py::none()) : py::object(py::int_(e.row()));
      const auto error = type(e.what(), py::arg("argument") = e.argument(), py::arg("row") = row,
                              py::arg("value") = e.value());
      PyErr_SetObject(type.ptr(), error.ptr());
    } catch (const NotConverged& e) {
      raise_in_python("NotConvergedError", e);
    } catch (const Error& e) {
      raise_in_python("TenureError", e);
    }
  });
}

}  // namespace tenure::python

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  using namespace tenure::python;
  m.doc() = "The compiled engine of tenure. Private: use the classes of the package.";
  register_errors();
  const auto area = [&](const char* name, void (*bind)(py::module_&)) {
    auto submodule = m.def_submodule(name);
    bind(submodule);
  };
  area("churn", bind_churn);
  area("clv", bind_clv);
  area("cohort", bind_cohort);
  area("events", bind_events);
  area("journey", bind_journey);
  area("lifecycle", bind_lifecycle);
  area("segment", bind_segment);
  area("simulate", bind_simulate);
  area("special", bind_special);
  area("survival", bind_survival);
}
