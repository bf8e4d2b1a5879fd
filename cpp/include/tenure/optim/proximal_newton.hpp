#pragma once
#include <span>
#include <vector>

#include "tenure/optim/newton.hpp"

namespace tenure::optim {

/// How far a point is from the conditions of a minimum of f(u) + sum_i l1_i |u_i|: the largest of
/// |g_i + l1_i sign(u_i)| where u_i is not 0, and of max(0, |g_i| - l1_i) where it is.
double optimality_gap(std::span<const double> point, std::span<const double> gradient,
                      std::span<const double> l1);

/// Minimises f(u) + sum_i l1_i |u_i|, f smooth, l1_i >= 0, by proximal Newton steps: the quadratic
/// model of f, damped where that is what it takes to descend, plus the absolute values exactly.
/// Coordinates without an absolute value are eliminated from the model, the others follow by
/// coordinate descent with soft thresholds. [Lee, Sun & Saunders 2014, SIAM Journal on Optimization
/// 24:1420-1443; Friedman, Hastie & Tibshirani 2010, Journal of Statistical Software 33(1), eq. 5]
/// Coordinates with l1_i > 0 end as exact zeros or away from it.
///
/// Of the result, `at` is f without the absolute values, `gradient_norm` is `optimality_gap` over
/// max(1, |value|), `eigenvalues` are those of the Hessian in the coordinates that are not 0, and
/// `inverse_hessian` is NaN: it would tell no honest error. `converged` asks for a gap within the
/// tolerance, a small step and positive eigenvalues.
///
/// Deterministic. Throws what the objective throws.
Result proximal_newton(const Objective& objective, std::vector<double> start,
                       std::span<const double> l1, const NewtonOptions& options = {});

}  // namespace tenure::optim
