#include "ratio_coordinate.hpp"

namespace tenure::clv {

void to_parameters(optim::Evaluation& e, const RatioCoordinate& ratio) {
  const std::size_t n = e.gradient.size();
  e.gradient[ratio.over] -= e.gradient[ratio.of];
  for (std::size_t i = 0; i < n; ++i) e.hessian[i * n + ratio.over] -= e.hessian[i * n + ratio.of];
  for (std::size_t i = 0; i < n; ++i) e.hessian[ratio.over * n + i] -= e.hessian[ratio.of * n + i];
}

void to_parameters(Fit& fit, const RatioCoordinate& ratio) {
  const std::size_t n = fit.parameters.size();
  fit.parameters[ratio.of] *= fit.parameters[ratio.over];
  for (std::size_t i = 0; i < n; ++i)
    fit.log_covariance[ratio.of * n + i] += fit.log_covariance[ratio.over * n + i];
  for (std::size_t i = 0; i < n; ++i)
    fit.log_covariance[i * n + ratio.of] += fit.log_covariance[i * n + ratio.over];
}

}  // namespace tenure::clv
