#pragma once
#include <pybind11/stl.h>

#include <optional>
#include <utility>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/clv/delta.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/repeat_purchases.hpp"

/// What the bindings of all models of `clv` share.
namespace tenure::python {

inline clv::RepeatPurchases view_purchases(const Column<double>& frequency,
                                           const Column<double>& recency, const Column<double>& age,
                                           const std::optional<Column<double>>& weight = {}) {
  return {view(frequency, "frequency"), view(recency, "recency"), view(age, "T"),
          view(weight, "weight")};
}

inline py::dict fit_to_python(clv::Fit&& fit) {
  py::dict d;
  d["parameters"] = release_to_numpy(std::move(fit.parameters));
  d["log_covariance"] = release_to_numpy(std::move(fit.log_covariance));
  d["log_likelihood"] = fit.log_likelihood;
  d["customers"] = fit.customers;
  d["status"] = optim::status_name(fit.status);
  d["iterations"] = fit.iterations;
  d["gradient_norm"] = fit.gradient_norm;
  d["eigenvalues"] = release_to_numpy(std::move(fit.eigenvalues));
  return d;
}

inline py::tuple to_python(const optim::Evaluation& e) {
  return py::make_tuple(e.value, release_to_numpy(std::vector<double>(e.gradient)),
                        release_to_numpy(std::vector<double>(e.hessian)));
}

inline py::tuple to_python(clv::Estimates&& estimates) {
  return py::make_tuple(release_to_numpy(std::move(estimates.value)),
                        release_to_numpy(std::move(estimates.standard_error)));
}

/// The prediction alone, or with standard errors where a covariance is given.
template <class Predict>
py::object predict(const Column<double>& parameters,
                   const std::optional<Column<double>>& log_covariance, clv::Scale scale,
                   int threads, const Predict& kernel) {
  const auto at = view(parameters, "parameters");
  const auto covariance = view(log_covariance, "log_covariance");
  if (!covariance)
    return release_to_numpy(
        without_gil(threads, [&](const Execution& execution) { return kernel(at, execution); }));
  return to_python(without_gil(threads, [&](const Execution& execution) {
    return clv::delta_method(
        at, *covariance, scale,
        [&](std::span<const double> moved) { return kernel(moved, execution); }, execution);
  }));
}

}  // namespace tenure::python
