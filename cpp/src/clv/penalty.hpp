#pragma once
#include <span>
#include <vector>

#include "tenure/clv/fit.hpp"
#include "tenure/optim/result.hpp"

/// What the fits with and without absolute values in the penalty share.
namespace tenure::clv {

/// Throws InvalidInput for options out of range.
void require_valid(const FitOptions& options);

/// Adds l2 * sum (s_i e^u_i)^2, and coefficient_l2 * sum u_c^2 of the coefficients behind them, to
/// value, gradient and Hessian.
void penalise(optim::Evaluation& e, std::span<const double> u, const FitOptions& options,
              const std::vector<double>& scale);

/// The result of an optimiser as a fit, in the caller's units; `result.at` with the penalty.
Fit as_fit(const optim::Result& result, const ModelScales& scales, double customers,
           const FitOptions& options);

}  // namespace tenure::clv
