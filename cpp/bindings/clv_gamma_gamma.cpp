#include "clv_posterior.hpp"
#include "clv_results.hpp"
#include "tenure/clv/gamma_gamma.hpp"

namespace tenure::python {
namespace {

clv::GammaGammaParameters parameters_of(std::span<const double> v) {
  if (v.size() != 3) throw py::value_error("parameters must be p, q, gamma");
  return {v[0], v[1], v[2]};
}

clv::ObservedSpend view_spend(const Column<double>& frequency, const Column<double>& mean,
                              const std::optional<Column<double>>& weight = {}) {
  return {view(frequency, "frequency"), view(mean, "monetary_value"), view(weight, "weight")};
}

}  // namespace

void add_gamma_gamma(py::module_& m) {
  m.def(
      "gamma_gamma_fit",
      [](const Column<double>& frequency, const Column<double>& mean,
         const std::optional<Column<double>>& weight, std::int64_t max_iterations, double tolerance,
         double l2, int threads) {
        const auto spend = view_spend(frequency, mean, weight);
        clv::GammaGammaFit fit = without_gil(threads, [&](const Execution& execution) {
          return clv::fit_gamma_gamma(spend, {max_iterations, tolerance, l2}, execution);
        });
        const std::int64_t excluded = fit.excluded;
        py::dict result = fit_to_python(std::move(fit));
        result["excluded"] = excluded;
        return result;
      },
      py::arg("frequency").noconvert(), py::arg("monetary_value").noconvert(),
      py::arg("weight").noconvert(), py::arg("max_iterations"), py::arg("tolerance"), py::arg("l2"),
      py::arg("threads"));
  m.def(
      "gamma_gamma_posterior",
      [](const Column<double>& frequency, const Column<double>& mean,
         const std::optional<Column<double>>& weight, const std::vector<PriorTuple>& prior,
         const PosteriorTuple& options, const py::object& tell, int threads) {
        const auto spend = view_spend(frequency, mean, weight);
        return sample_posterior(
            [&](const Execution& execution) { return clv::prepare_gamma_gamma(spend, execution); },
            prior, options, tell, threads);
      },
      py::arg("frequency").noconvert(), py::arg("monetary_value").noconvert(),
      py::arg("weight").noconvert(), py::arg("prior"), py::arg("options"), py::arg("tell"),
      py::arg("threads"));
  m.def(
      "gamma_gamma_group_posterior",
      [](const Column<double>& frequency, const Column<double>& mean,
         const std::optional<Column<double>>& weight, const Column<std::int64_t>& group,
         std::int64_t groups, const std::vector<PriorTuple>& population,
         const std::vector<PriorTuple>& spread, const PosteriorTuple& options,
         const py::object& tell, int threads) {
        const auto spend = view_spend(frequency, mean, weight);
        const auto of = view(group, "groups");
        return sample_groups(
            [&](const Execution& execution) {
              return clv::prepare_groups(spend, of, groups, execution);
            },
            population, spread, options, tell, threads);
      },
      py::arg("frequency").noconvert(), py::arg("monetary_value").noconvert(),
      py::arg("weight").noconvert(), py::arg("group").noconvert(), py::arg("groups"),
      py::arg("population"), py::arg("spread"), py::arg("options"), py::arg("tell"),
      py::arg("threads"));
  m.def(
      "gamma_gamma_log_likelihood",
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& mean, const std::optional<Column<double>>& weight, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto spend = view_spend(frequency, mean, weight);
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::gamma_gamma_log_likelihood(at, spend, execution).times(1.0);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("monetary_value").noconvert(), py::arg("weight").noconvert(), py::arg("threads"));
  m.def(
      "gamma_gamma_expected_spend",
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& frequency, const Column<double>& mean, int threads) {
        const auto spend = view_spend(frequency, mean);
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::gamma_gamma_expected_spend(parameters_of(at), spend,
                                                                execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("monetary_value").noconvert(), py::arg("threads"));
}

}  // namespace tenure::python
