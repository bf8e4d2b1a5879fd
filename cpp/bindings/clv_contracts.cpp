#include <cmath>
#include <string>

#include "clv_posterior.hpp"
#include "clv_results.hpp"
#include "tenure/clv/contracts.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::python {
namespace {

/// The parameters of a model of contracts as the engine takes them.
template <class Model>
Model model_at(std::span<const double> parameters) {
  constexpr std::size_t kCount = sizeof(Model) / sizeof(double);
  if (parameters.size() != kCount)
    throw InvalidInput("parameters", -1, static_cast<double>(parameters.size()),
                       "one for each of the model");
  for (const double v : parameters)
    if (!(v > 0.0 && std::isfinite(v))) throw InvalidInput("parameters", -1, v, "finite and > 0");
  if constexpr (kCount == 2)
    return {parameters[0], parameters[1]};
  else
    return {parameters[0], parameters[1], parameters[2]};
}

clv::RenewalHistory view_history(const Column<double>& renewals,
                                 const Column<std::uint8_t>& churned,
                                 const std::optional<Column<double>>& weight) {
  return {view(renewals, "renewals"), view(churned, "churned"), view(weight, "weight")};
}

template <class Model>
void add_contract_posterior(py::module_& m, const std::string& model) {
  m.def((model + "_posterior").c_str(),
        [](const Column<double>& renewals, const Column<std::uint8_t>& churned,
           const std::optional<Column<double>>& weight, const std::vector<PriorTuple>& prior,
           const PosteriorTuple& options, const py::object& tell, int threads) {
          const auto history = view_history(renewals, churned, weight);
          return sample_posterior(
              [&](const Execution& execution) {
                return clv::prepare_contract<Model>(history, execution);
              },
              prior, options, tell, threads);
        },
        py::arg("renewals").noconvert(), py::arg("churned").noconvert(),
        py::arg("weight").noconvert(), py::arg("prior"), py::arg("options"), py::arg("tell"),
        py::arg("threads"));
}

template <class Model>
void add_contract(py::module_& m, const std::string& model) {
  m.def((model + "_fit").c_str(),
        [](const Column<double>& renewals, const Column<std::uint8_t>& churned,
           const std::optional<Column<double>>& weight, std::int64_t max_iterations,
           double tolerance, double l2) {
          const auto history = view_history(renewals, churned, weight);
          const clv::FitOptions options{max_iterations, tolerance, l2};
          return fit_to_python(without_gil(1, [&](const Execution& execution) {
            return clv::fit_contract<Model>(history, options, execution);
          }));
        },
        py::arg("renewals").noconvert(), py::arg("churned").noconvert(),
        py::arg("weight").noconvert(), py::arg("max_iterations"), py::arg("tolerance"),
        py::arg("l2"));
  m.def((model + "_log_likelihood").c_str(),
        [](const Column<double>& parameters, const Column<double>& renewals,
           const Column<std::uint8_t>& churned, const std::optional<Column<double>>& weight) {
          const auto at = model_at<Model>(view(parameters, "parameters"));
          const auto history = view_history(renewals, churned, weight);
          return to_python(without_gil(1, [&](const Execution& execution) {
            return clv::contract_log_likelihood(at, history, execution);
          }));
        },
        py::arg("parameters").noconvert(), py::arg("renewals").noconvert(),
        py::arg("churned").noconvert(), py::arg("weight").noconvert());
  m.def((model + "_log_odds").c_str(),
        [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
           const Column<double>& renewals, const Column<double>& ahead, int threads) {
          const auto n = view(renewals, "renewals"), k = view(ahead, "ahead");
          return predict(parameters, log_covariance, clv::Scale::identity, threads,
                         [&](std::span<const double> at, const Execution& execution) {
                           return clv::contract_log_odds(model_at<Model>(at), n, k, execution);
                         });
        },
        py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
        py::arg("renewals").noconvert(), py::arg("ahead").noconvert(), py::arg("threads"));
  m.def((model + "_residual").c_str(),
        [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
           const Column<double>& renewals, double rate, double horizon, bool elasticity,
           int threads) {
          const auto n = view(renewals, "renewals");
          const auto quantity =
              elasticity ? clv::ResidualQuantity::elasticity : clv::ResidualQuantity::lifetime;
          return predict(parameters, log_covariance, clv::Scale::log, threads,
                         [&](std::span<const double> at, const Execution& execution) {
                           return clv::contract_residual(model_at<Model>(at), n, rate, horizon,
                                                         quantity, execution);
                         });
        },
        py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
        py::arg("renewals").noconvert(), py::arg("rate"), py::arg("horizon"), py::arg("elasticity"),
        py::arg("threads"));
  m.def((model + "_lifetime").c_str(),
        [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
           double rate, double horizon) {
          return predict(parameters, log_covariance, clv::Scale::log, 1,
                         [&](std::span<const double> at, const Execution&) {
                           Buffer<double> one(1);
                           one[0] = clv::contract_lifetime(model_at<Model>(at), rate, horizon);
                           return one;
                         });
        },
        py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(), py::arg("rate"),
        py::arg("horizon"));
}

}  // namespace

void add_contracts(py::module_& m) {
  add_contract<survival::BetaGeometric>(m, "shifted_beta_geometric");
  add_contract<survival::BetaWeibull>(m, "beta_discrete_weibull");
  add_contract<survival::DiscreteWeibull>(m, "discrete_weibull");
  add_contract_posterior<survival::BetaGeometric>(m, "shifted_beta_geometric");
  add_contract_posterior<survival::BetaWeibull>(m, "beta_discrete_weibull");
}

}  // namespace tenure::python
