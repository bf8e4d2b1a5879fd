#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/optim/result.hpp"

/// Priors on quantities made of positive parameters, as functions of the parameters' logarithms u.
namespace tenure::clv {

enum class PriorFamily : std::uint8_t {
  log_normal,   ///< log of the quantity is normal: mean `first`, standard deviation `second`
  gamma,        ///< shape `first`, rate `second`
  half_normal,  ///< scale `first`
  beta,         ///< of a share: beta(`first`, `second`)
};

/// One factor of a prior. Its coordinate v is the log of a quantity, or the log odds of a share:
/// sum of weight_i u_i, which holds parameters, ratios, products and odds of two of them; or the
/// log of the sum of the parameters whose weight is not 0. The density is that of v.
struct PriorTerm {
  PriorFamily family = PriorFamily::log_normal;
  double first = 0.0, second = 1.0;
  std::vector<double> weight;  ///< one a parameter
  bool of_sum = false;
};

/// Throws InvalidInput for a term that is no density or does not fit `parameters` of them.
void require_valid(const std::vector<PriorTerm>& terms, std::size_t parameters);

/// Adds the normalised log-density of a term at u, its gradient and its Hessian in u.
void add_log_density(const PriorTerm& term, std::span<const double> u, optim::Evaluation& to);

}  // namespace tenure::clv
