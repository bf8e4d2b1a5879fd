#pragma once
#include <optional>

#include "arrays.hpp"
#include "tenure/segment/kmeans.hpp"

namespace tenure::python {

template <class T>
segment::Points<T> points(const Column<T>& x, const std::optional<Column<double>>& weight) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  segment::Points<T> p{{x.data(), static_cast<std::size_t>(x.size())}, x.shape(1)};
  if (weight) p.weight = view(*weight, "sample_weight");
  return p;
}

// The parts of the submodule `segment` with a file of their own.
void bind_kmeans(py::module_& m);
void bind_mixture(py::module_& m);
void bind_segment_categorical(py::module_& m);
void bind_validity(py::module_& m);

}  // namespace tenure::python
