#include "clv_joint_point.hpp"
#include "clv_results.hpp"
#include "tenure/clv/contract_covariates.hpp"
#include "tenure/clv/customer_parameters.hpp"
#include "tenure/clv/gamma_gamma_covariates.hpp"

namespace tenure::python {
namespace {

survival::BetaGeometric contract_at(std::span<const double> v) { return {v[0], v[1]}; }
clv::GammaGammaParameters spend_at(std::span<const double> v) { return {v[0], v[1], v[2]}; }

/// kernel(parameters, coefficients, execution), with standard errors where a covariance is given.
template <std::size_t N, class Kernel>
py::object predict_at(const Column<double>& values,
                      const std::optional<Column<double>>& log_covariance, clv::Scale scale,
                      int threads, const Kernel& kernel) {
  const JointPoint<N> point(values);
  const auto covariance = view(log_covariance, "log_covariance");
  if (!covariance)
    return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
      return kernel(point.parameters, point.coefficients, execution);
    }));
  return to_python(without_gil(threads, [&](const Execution& execution) {
    return clv::delta_with_coefficients(
        point.parameters, point.coefficients, *covariance, scale, execution,
        [&](std::span<const double> parameters, std::span<const double> coefficients) {
          return kernel(parameters, coefficients, execution);
        });
  }));
}

using Doubles = Column<double>;
using Weights = std::optional<Column<double>>;

void add_contract_covariates(py::module_& m) {
  using Codes = Column<std::int64_t>;
  using Flags = Column<std::uint8_t>;
  const auto effects_of = [](const Doubles& design, std::int64_t columns, const Codes& column,
                             const Doubles& sign) -> clv::Effects {
    return {view(design, "design"), columns, view(column, "column"), view(sign, "sign")};
  };
  m.def(
      "shifted_beta_geometric_covariate_fit",
      [=](const Doubles& start, const Doubles& renewals, const Flags& churned,
          const Weights& weight, const Doubles& design, std::int64_t columns, const Codes& column,
          const Doubles& sign, std::int64_t max_iterations, double tolerance, double l2,
          double coefficient_l2, double coefficient_l1, int threads) {
        const JointPoint<2> from(start);
        const clv::RenewalHistory history{view(renewals, "renewals"), view(churned, "churned"),
                                          view(weight, "weight")};
        const auto effects = effects_of(design, columns, column, sign);
        return fit_to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::fit_contract_with_covariates(
              contract_at(from.parameters), history, effects,
              {{max_iterations, tolerance, l2, coefficient_l2}, coefficient_l1}, execution);
        }));
      },
      py::arg("start").noconvert(), py::arg("renewals").noconvert(), py::arg("churned").noconvert(),
      py::arg("weight").noconvert(), py::arg("design").noconvert(), py::arg("columns"),
      py::arg("column").noconvert(), py::arg("sign").noconvert(), py::arg("max_iterations"),
      py::arg("tolerance"), py::arg("l2"), py::arg("coefficient_l2"), py::arg("coefficient_l1"),
      py::arg("threads"));
  m.def(
      "shifted_beta_geometric_covariate_log_likelihood",
      [=](const Doubles& parameters, const Doubles& renewals, const Flags& churned,
          const Weights& weight, const Doubles& design, std::int64_t columns, const Codes& column,
          const Doubles& sign, int threads) {
        const JointPoint<2> at(parameters);
        const clv::RenewalHistory history{view(renewals, "renewals"), view(churned, "churned"),
                                          view(weight, "weight")};
        const auto effects = effects_of(design, columns, column, sign);
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::contract_covariate_log_likelihood(contract_at(at.parameters), at.coefficients,
                                                        history, effects, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("renewals").noconvert(),
      py::arg("churned").noconvert(), py::arg("weight").noconvert(), py::arg("design").noconvert(),
      py::arg("columns"), py::arg("column").noconvert(), py::arg("sign").noconvert(),
      py::arg("threads"));
  m.def(
      "shifted_beta_geometric_covariate_log_odds",
      [=](const Doubles& parameters, const Weights& log_covariance, const Doubles& renewals,
          const Doubles& ahead, const Doubles& design, std::int64_t columns, const Codes& column,
          const Doubles& sign, int threads) {
        const auto n = view(renewals, "renewals"), k = view(ahead, "ahead");
        const auto effects = effects_of(design, columns, column, sign);
        return predict_at<2>(parameters, log_covariance, clv::Scale::identity, threads,
                             [&](std::span<const double> at, std::span<const double> coefficients,
                                 const Execution& execution) {
                               return clv::contract_covariate_log_odds(
                                   contract_at(at), coefficients, effects, n, k, execution);
                             });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("renewals").noconvert(), py::arg("ahead").noconvert(), py::arg("design").noconvert(),
      py::arg("columns"), py::arg("column").noconvert(), py::arg("sign").noconvert(),
      py::arg("threads"));
  m.def(
      "shifted_beta_geometric_covariate_residual",
      [=](const Doubles& parameters, const Weights& log_covariance, const Doubles& renewals,
          double rate, double horizon, bool elasticity, const Doubles& design, std::int64_t columns,
          const Codes& column, const Doubles& sign, int threads) {
        const auto n = view(renewals, "renewals");
        const auto effects = effects_of(design, columns, column, sign);
        const auto quantity =
            elasticity ? clv::ResidualQuantity::elasticity : clv::ResidualQuantity::lifetime;
        return predict_at<2>(parameters, log_covariance, clv::Scale::log, threads,
                             [&](std::span<const double> at, std::span<const double> coefficients,
                                 const Execution& execution) {
                               return clv::contract_covariate_residual(
                                   contract_at(at), coefficients, effects, n, rate, horizon,
                                   quantity, execution);
                             });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("renewals").noconvert(), py::arg("rate"), py::arg("horizon"), py::arg("elasticity"),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
      py::arg("sign").noconvert(), py::arg("threads"));
  m.def(
      "shifted_beta_geometric_covariate_lifetime",
      [=](const Doubles& parameters, const Weights& log_covariance, double rate, double horizon,
          const Doubles& design, std::int64_t columns, const Codes& column, const Doubles& sign,
          int threads) {
        const auto effects = effects_of(design, columns, column, sign);
        return predict_at<2>(parameters, log_covariance, clv::Scale::log, threads,
                             [&](std::span<const double> at, std::span<const double> coefficients,
                                 const Execution& execution) {
                               return clv::contract_covariate_lifetime(contract_at(at),
                                                                       coefficients, effects, rate,
                                                                       horizon, execution);
                             });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(), py::arg("rate"),
      py::arg("horizon"), py::arg("design").noconvert(), py::arg("columns"),
      py::arg("column").noconvert(), py::arg("sign").noconvert(), py::arg("threads"));
  m.def(
      "shifted_beta_geometric_covariate_mean_log_odds",
      [=](const Doubles& parameters, const Weights& log_covariance, const Doubles& weight,
          const Doubles& renewals, const Doubles& design, std::int64_t columns, const Codes& column,
          const Doubles& sign, int threads) {
        const auto w = view(weight, "weight"), n = view(renewals, "renewals");
        const auto effects = effects_of(design, columns, column, sign);
        return predict_at<2>(parameters, log_covariance, clv::Scale::identity, threads,
                             [&](std::span<const double> at, std::span<const double> coefficients,
                                 const Execution& execution) {
                               return clv::contract_covariate_mean_log_odds(
                                   contract_at(at), coefficients, effects, w, n, execution);
                             });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("weight").noconvert(), py::arg("renewals").noconvert(), py::arg("design").noconvert(),
      py::arg("columns"), py::arg("column").noconvert(), py::arg("sign").noconvert(),
      py::arg("threads"));
}

void add_spend_covariates(py::module_& m) {
  m.def(
      "gamma_gamma_covariate_fit",
      [](const Doubles& start, const Doubles& frequency, const Doubles& mean, const Weights& weight,
         const Doubles& design, std::int64_t columns, std::int64_t max_iterations, double tolerance,
         double l2, double coefficient_l2, double coefficient_l1, int threads) {
        const JointPoint<3> from(start);
        const clv::ObservedSpend spend{view(frequency, "frequency"), view(mean, "monetary_value"),
                                       view(weight, "weight")};
        const clv::SpendDesign z{view(design, "design"), columns};
        clv::GammaGammaFit fit = without_gil(threads, [&](const Execution& execution) {
          return clv::fit_gamma_gamma_with_covariates(
              spend_at(from.parameters), spend, z,
              {{max_iterations, tolerance, l2, coefficient_l2}, coefficient_l1}, execution);
        });
        const std::int64_t excluded = fit.excluded;
        py::dict result = fit_to_python(std::move(fit));
        result["excluded"] = excluded;
        return result;
      },
      py::arg("start").noconvert(), py::arg("frequency").noconvert(),
      py::arg("monetary_value").noconvert(), py::arg("weight").noconvert(),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("max_iterations"),
      py::arg("tolerance"), py::arg("l2"), py::arg("coefficient_l2"), py::arg("coefficient_l1"),
      py::arg("threads"));
  m.def(
      "gamma_gamma_covariate_log_likelihood",
      [](const Doubles& parameters, const Doubles& frequency, const Doubles& mean,
         const Weights& weight, const Doubles& design, std::int64_t columns, int threads) {
        const JointPoint<3> at(parameters);
        const clv::ObservedSpend spend{view(frequency, "frequency"), view(mean, "monetary_value"),
                                       view(weight, "weight")};
        const clv::SpendDesign z{view(design, "design"), columns};
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::gamma_gamma_covariate_log_likelihood(spend_at(at.parameters), at.coefficients,
                                                           spend, z, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("monetary_value").noconvert(), py::arg("weight").noconvert(),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("threads"));
  m.def(
      "gamma_gamma_covariate_expected_spend",
      [](const Doubles& parameters, const Weights& log_covariance, const Doubles& frequency,
         const Doubles& mean, const Doubles& design, std::int64_t columns, int threads) {
        const clv::ObservedSpend spend{
            view(frequency, "frequency"), view(mean, "monetary_value"), {}};
        const clv::SpendDesign z{view(design, "design"), columns};
        return predict_at<3>(parameters, log_covariance, clv::Scale::log, threads,
                             [&](std::span<const double> at, std::span<const double> coefficients,
                                 const Execution& execution) {
                               return clv::gamma_gamma_covariate_expected_spend(
                                   spend_at(at), coefficients, spend, z, execution);
                             });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("monetary_value").noconvert(),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("threads"));
}

}  // namespace

void add_spend_and_contract_covariates(py::module_& m) {
  add_contract_covariates(m);
  add_spend_covariates(m);
}

}  // namespace tenure::python
