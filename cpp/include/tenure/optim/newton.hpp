#pragma once
#include <functional>
#include <span>
#include <vector>

#include "tenure/optim/result.hpp"

namespace tenure::optim {

using Objective = std::function<Evaluation(std::span<const double> point)>;

struct NewtonOptions {
  std::int64_t max_iterations = 200;
  double tolerance = 1e-9;  ///< of `Result::gradient_norm`, at most kHonestGradient
  double limit = 20.0;      ///< a coordinate that moves this far from its start has run away
};

/// No fit whose scaled gradient is larger is ever called converged.
inline constexpr double kHonestGradient = 1e-6;

/// Minimises a smooth function of a few coordinates (2 to about 20) by Newton's method within a
/// trust region. The subproblem is solved exactly from the eigenvalues of the Hessian, so that an
/// indefinite Hessian still yields a direction of descent. [Nocedal & Wright 2006, alg. 4.1
/// and 4.3]
///
/// Made for logarithms of positive parameters on a mean over customers: the region is a ball in
/// those logarithms, and the gradient test then depends neither on units nor on the number of rows.
/// A value that is not finite shrinks the region and never ends the fit. `converged` asks for a
/// gradient norm within the tolerance (or within kHonestGradient where rounding hides any further
/// descent), for a Newton step that is small as well, which a parameter on its way to infinity does
/// not give, and for a positive definite Hessian.
///
/// A converged point has taken one step more than was evaluated: its error is of the order of that
/// step squared, its value follows by the quadratic model, and gradient and Hessian are those from
/// which the step was computed.
///
/// Deterministic. Throws what the objective throws.
Result newton(const Objective& objective, std::vector<double> start,
              const NewtonOptions& options = {});

/// From each start in turn until one converges; otherwise the lowest value, and its status.
/// `iterations` counts the evaluations of all of them.
Result newton_from(const Objective& objective, const std::vector<std::vector<double>>& starts,
                   const NewtonOptions& options = {});

}  // namespace tenure::optim
