#pragma once
#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>

#include "tenure/support/execution.hpp"

namespace tenure::python {
namespace py = pybind11;

/// Runs `kernel(execution)` with the GIL released. The calling thread takes the GIL back every 10
/// ms to ask for signals: Python delivers them to its main thread only, and only there does Ctrl-C
/// raise. Every 100 ms it also calls `tell` with the steps done so far, unless that is None; an
/// error there ends the call. `kernel` must touch no Python object; the views it reads are kept
/// alive by the caller's frame.
template <class Kernel>
auto without_gil(int threads, const Kernel& kernel, const py::object& tell = py::none()) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kEvery{100};
  bool raised = false;
  std::atomic<std::int64_t> steps{0};
  PyObject* const told = tell.is_none() ? nullptr : tell.ptr();
  Clock::time_point next = Clock::now() + kEvery;
  Interrupt interrupt([&] {
    py::gil_scoped_acquire gil;
    raised = PyErr_CheckSignals() != 0;
    if (raised || !told || Clock::now() < next) return raised;
    PyObject* const answer = PyObject_CallFunction(told, "L", static_cast<long long>(steps.load()));
    raised = answer == nullptr;
    Py_XDECREF(answer);
    next = Clock::now() + kEvery;
    return raised;
  });
  try {
    py::gil_scoped_release nogil;
    return kernel(Execution{threads, &interrupt, told ? &steps : nullptr});
  } catch (const Interrupted&) {
    if (raised) throw py::error_already_set();
    throw;
  }
}

}  // namespace tenure::python
