#pragma once
#include <span>

#include "arrays.hpp"

namespace tenure::python {

/// The N parameters of a model and the coefficients of covariates, which come as one array.
template <std::size_t N>
struct JointPoint {
  std::span<const double> parameters, coefficients;
  explicit JointPoint(const Column<double>& values) {
    const auto v = view(values, "parameters");
    if (v.size() < N) throw py::value_error("parameters are too few");
    parameters = v.first(N);
    coefficients = v.subspan(N);
  }
};

}  // namespace tenure::python
