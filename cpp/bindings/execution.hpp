#pragma once
#include <pybind11/pybind11.h>

#include "tenure/support/execution.hpp"

namespace tenure::python {
namespace py = pybind11;

/// Runs `kernel(execution)` with the GIL released. The calling thread takes the GIL back every 10
/// ms to ask for signals: Python delivers them to its main thread only, and only there does Ctrl-C
/// raise. `kernel` must touch no Python object; the views it reads are kept alive by the caller's
/// frame.
template <class Kernel>
auto without_gil(int threads, const Kernel& kernel) {
  bool raised = false;
  Interrupt interrupt([&raised] {
    py::gil_scoped_acquire gil;
    raised = PyErr_CheckSignals() != 0;
    return raised;
  });
  try {
    py::gil_scoped_release nogil;
    return kernel(Execution{threads, &interrupt});
  } catch (const Interrupted&) {
    if (raised) throw py::error_already_set();
    throw;
  }
}

}  // namespace tenure::python
