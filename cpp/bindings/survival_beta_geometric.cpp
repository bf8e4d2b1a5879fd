#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "survival.hpp"
#include "tenure/survival/beta_binomial.hpp"
#include "tenure/survival/beta_geometric.hpp"

namespace tenure::python {
namespace {

py::dict fit(const Column<double>& lost, const Column<double>& kept, std::int64_t max_iterations,
             double tolerance) {
  const survival::RenewalCounts counts{view(lost, "lost"), view(kept, "kept")};
  const auto found = without_gil(1, [&](const Execution&) {
    return survival::fit_beta_geometric(counts,
                                        {.max_iterations = max_iterations, .tolerance = tolerance});
  });
  py::dict out;
  out["alpha"] = found.parameters.alpha;
  out["beta"] = found.parameters.beta;
  out["log_covariance"] = release_to_numpy(
      std::vector<double>(found.log_covariance.begin(), found.log_covariance.end()));
  out["log_likelihood"] = found.log_likelihood;
  out["status"] = optim::status_name(found.status);
  out["iterations"] = found.iterations;
  out["gradient_norm"] = found.gradient_norm;
  return out;
}

py::tuple log_likelihood(double alpha, double beta, const Column<double>& lost,
                         const Column<double>& kept) {
  auto e = survival::beta_geometric_log_likelihood({alpha, beta},
                                                   {view(lost, "lost"), view(kept, "kept")});
  return py::make_tuple(e.value, release_to_numpy(std::move(e.gradient)),
                        release_to_numpy(std::move(e.hessian)));
}

/// S(to) / S(from) for pairs of ages.
py::tuple survival_ratios(double alpha, double beta, const Column<double>& log_covariance,
                          const Column<std::int64_t>& from, const Column<std::int64_t>& to) {
  const auto covariance = view(log_covariance, "log_covariance");
  const auto first = view(from, "from_age"), last = view(to, "to_age");
  if (covariance.size() != 4 || first.size() != last.size())
    throw py::value_error("columns differ in shape");
  std::vector<double> value, error;
  without_gil(1, [&](const Execution& execution) {
    for (std::size_t i = 0; i < first.size(); ++i) {
      execution.poll();
      const auto r = survival::beta_geometric_survival({alpha, beta}, covariance.first<4>(),
                                                       first[i], last[i]);
      value.push_back(r.value);
      error.push_back(r.logit_error);
    }
  });
  return py::make_tuple(release_to_numpy(std::move(value)), release_to_numpy(std::move(error)));
}

py::tuple logit_limits(const Column<double>& share, const Column<double>& error, double z) {
  const auto p = view(share, "share"), e = view(error, "error");
  std::vector<double> lower, upper;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto limits = survival::logit_limits(p[i], e[i], z);
    lower.push_back(limits[0]);
    upper.push_back(limits[1]);
  }
  return py::make_tuple(release_to_numpy(std::move(lower)), release_to_numpy(std::move(upper)));
}

py::tuple beta_binomial_limits(const Column<std::int64_t>& n, const Column<double>& a,
                               const Column<double>& b, double level) {
  const auto size = view(n, "n");
  const auto first = view(a, "a"), second = view(b, "b");
  std::vector<std::int64_t> lower, upper;
  without_gil(1, [&](const Execution& execution) {
    for (std::size_t i = 0; i < size.size(); ++i) {
      execution.poll();
      const auto limits = survival::beta_binomial_limits(size[i], first[i], second[i], level);
      lower.push_back(limits.lower);
      upper.push_back(limits.upper);
    }
  });
  return py::make_tuple(release_to_numpy(std::move(lower)), release_to_numpy(std::move(upper)));
}

}  // namespace

void bind_beta_geometric(py::module_& m) {
  m.def("beta_geometric_fit", &fit, py::arg("lost").noconvert(), py::arg("kept").noconvert(),
        py::arg("max_iterations"), py::arg("tolerance"));
  m.def("beta_geometric_log_likelihood", &log_likelihood, py::arg("alpha"), py::arg("beta"),
        py::arg("lost").noconvert(), py::arg("kept").noconvert());
  m.def("beta_geometric_survival", &survival_ratios, py::arg("alpha"), py::arg("beta"),
        py::arg("log_covariance").noconvert(), py::arg("from_age").noconvert(),
        py::arg("to_age").noconvert());
  m.def("logit_limits", &logit_limits, py::arg("share").noconvert(), py::arg("error").noconvert(),
        py::arg("z"));
  m.def("beta_binomial_limits", &beta_binomial_limits, py::arg("n").noconvert(),
        py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("level"));
}

}  // namespace tenure::python
