#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tenure/optim/newton.hpp"

namespace tenure::clv {

/// What every maximum-likelihood fit takes.
struct FitOptions {
  std::int64_t max_iterations = 200;  ///< evaluations of the likelihood
  double tolerance = 1e-9;            ///< of the scaled gradient, at most 1e-6
  double l2 = 0.0;  ///< penalty per customer: l2 * sum of squared parameters (see each model)
  double coefficient_l2 = 0.0;  ///< the same for coefficients of covariates
  /// Parameters near which the optimum is likely to be, in the caller's units: the search begins
  /// there. Empty: at the model's own starts, which follow in any case if this one fails.
  std::vector<double> start = {};
};

/// What every maximum-likelihood fit returns. Parameters in the order of the model's paper, in the
/// caller's unit of time or money.
struct Fit {
  std::vector<double> parameters;
  /// Inverse observed information of the logarithms of the parameters (and of the coefficients
  /// behind them, where a model has covariates), k x k; NaN where the Hessian
  /// is not positive definite. The same in every unit.
  std::vector<double> log_covariance;
  double log_likelihood = 0.0;  ///< without the penalty
  double customers = 0.0;       ///< sum of weights
  optim::Status status = optim::Status::stalled;
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;       ///< of the mean log-likelihood in log-parameters
  std::vector<double> eigenvalues;  ///< of its negative Hessian in log-parameters, ascending
};

/// Mean negative log-likelihood at log-parameters, from every `stride`-th row where rows are many.
using MeanLikelihood =
    std::function<optim::Evaluation(std::span<const double> log_parameters, std::int64_t stride)>;

/// How one model's coordinates relate to what the caller sees. Coordinates behind the parameters
/// are coefficients, which are what they are.
struct ModelScales {
  std::vector<double> parameter;  ///< caller's parameter = exp(coordinate) * this
  std::vector<double> penalty;    ///< penalised parameter = exp(coordinate) * this
  double log_likelihood_shift;    ///< caller's log-likelihood = model's + this
};

/// Newton from the starts on a part of the rows, then from there on all of them; from each of the
/// starts on all of them if that does not converge. `rows` decides whether the first stage pays.
Fit maximise(const MeanLikelihood& likelihood, const std::vector<std::vector<double>>& starts,
             const ModelScales& scales, double customers, std::int64_t rows,
             const FitOptions& options);

}  // namespace tenure::clv
