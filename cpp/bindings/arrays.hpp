#pragma once
#include <pybind11/numpy.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tenure/support/buffer.hpp"

namespace tenure::python {
namespace py = pybind11;

// No `forcecast`: the Python layer converts; here a wrong dtype is a bug and raises TypeError.
template <class T>
using Column = py::array_t<T, py::array::c_style>;

template <class T>
std::span<const T> view(const Column<T>& a, const char* argument) {
  if (a.ndim() != 1) throw py::value_error(std::string(argument) + " must be 1-D");
  return {a.data(), static_cast<std::size_t>(a.size())};
}

template <class T>
std::optional<std::span<const T>> view(const std::optional<Column<T>>& a, const char* argument) {
  if (!a) return std::nullopt;
  return view(*a, argument);
}

/// Hands the memory of a vector or buffer to NumPy without a copy. The GIL must be held.
template <class Owner>
auto release_to_numpy(Owner&& values) {
  using Values = std::remove_cvref_t<Owner>;
  using T = std::remove_pointer_t<decltype(values.data())>;
  auto owner = std::make_unique<Values>(std::forward<Owner>(values));
  auto* raw = owner.get();
  py::capsule free(raw, [](void* p) { delete static_cast<Values*>(p); });
  owner.release();
  return py::array_t<T>(static_cast<py::ssize_t>(raw->size()), raw->data(), free);
}

}  // namespace tenure::python
