#pragma once
#include <span>

#include "tenure/clv/contracts.hpp"
#include "tenure/clv/covariates.hpp"
#include "tenure/clv/elastic.hpp"

/// The shifted beta-geometric model with covariates that stay the same over time: customer i leaves
/// with a probability that is beta(alpha_i, beta_i) over customers like i,
///
///     log alpha_i = log alpha + g'z_i,   log beta_i = log beta + h'z_i
///
/// [Hubbard, Rostykus, Raimond & Jebara 2019, Beta survival models, arXiv:1905.03818, sect. 3]. As
/// (1 - r(n)) / r(n) = alpha / (beta + n - 1), a coefficient in alpha alone multiplies the odds of
/// leaving at every renewal by e^g. `Effects::sign` holds two numbers a coefficient here, for
/// log alpha and log beta: -1, 0 or 1. Formulas: docs/methods/covariates.md.
namespace tenure::clv {

/// Sum of weight * log L with gradient and Hessian in log alpha, log beta and the coefficients.
/// O(rows) to collect customers alike, then O(k^2) a pattern of covariates and a beta function for
/// each distinct number of renewals in it. Same bits for any thread count. Throws InvalidInput as
/// `sample_renewals` and `require_valid` of effects do.
optim::Evaluation contract_covariate_log_likelihood(const survival::BetaGeometric& at,
                                                    std::span<const double> coefficients,
                                                    const RenewalHistory& history,
                                                    const Effects& effects,
                                                    const Execution& execution);

/// Maximum likelihood from `start`, the optimum without covariates; columns should be about centred
/// and of spread 1. `Fit::parameters` holds alpha, beta and the coefficients.
Fit fit_contract_with_covariates(const survival::BetaGeometric& start,
                                 const RenewalHistory& history, const Effects& effects,
                                 const ElasticOptions& options, const Execution& execution);

/// `contract_log_odds` of customers, each with an own row of covariates.
Buffer<double> contract_covariate_log_odds(const survival::BetaGeometric& at,
                                           std::span<const double> coefficients,
                                           const Effects& effects, std::span<const double> renewals,
                                           std::span<const double> ahead,
                                           const Execution& execution);

/// `contract_residual` of customers, each with an own row of covariates.
Buffer<double> contract_covariate_residual(const survival::BetaGeometric& at,
                                           std::span<const double> coefficients,
                                           const Effects& effects, std::span<const double> renewals,
                                           double rate, double horizon, ResidualQuantity quantity,
                                           const Execution& execution);

/// `contract_lifetime` of customers, each with an own row of covariates.
Buffer<double> contract_covariate_lifetime(const survival::BetaGeometric& at,
                                           std::span<const double> coefficients,
                                           const Effects& effects, double rate, double horizon,
                                           const Execution& execution);

/// Log odds of the weighted mean of S(n) over the customers, for each whole n of `renewals`.
/// O(patterns * n).
Buffer<double> contract_covariate_mean_log_odds(
    const survival::BetaGeometric& at, std::span<const double> coefficients, const Effects& effects,
    std::span<const double> weight, std::span<const double> renewals, const Execution& execution);

}  // namespace tenure::clv
