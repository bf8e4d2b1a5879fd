#pragma once
#include <cstdint>
#include <vector>

namespace tenure::optim {

/// Why a fit stopped. Only `converged` means an optimum.
enum class Status : std::uint8_t {
  converged,       ///< small gradient, small Newton step, positive definite Hessian
  max_iterations,  ///< the budget ran out first
  stalled,         ///< no step lowers the value any more, yet the gradient is not small
  boundary,        ///< the value keeps falling, or stays flat, as a coordinate runs away
};

const char* status_name(Status status);

/// What an objective returns: value, gradient and Hessian of one point, from one pass over the
/// data.
struct Evaluation {
  double value = 0.0;
  std::vector<double> gradient;  ///< n
  std::vector<double> hessian;   ///< n x n, symmetric
};

struct Result {
  std::vector<double> point;
  Evaluation at;  ///< the objective at `point`, or a last small step before it
  Status status = Status::stalled;
  std::int64_t iterations = 0;          ///< evaluations of the objective
  double gradient_norm = 0.0;           ///< max_i |gradient_i| / max(1, |value|)
  std::vector<double> eigenvalues;      ///< of the Hessian, ascending
  std::vector<double> inverse_hessian;  ///< n x n; NaN unless positive definite
};

}  // namespace tenure::optim
