#include "tenure/clv/fit.hpp"

#include <algorithm>
#include <cmath>

#include "penalty.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

constexpr std::int64_t kCoarseRows = 65'536;  // below, a pass over the data is no cost
constexpr std::int64_t kCoarseStride = 16;

}  // namespace

void require_valid(const FitOptions& options) {
  if (options.max_iterations < 1)
    throw InvalidInput("max_iter", -1, static_cast<double>(options.max_iterations), ">= 1");
  if (!(options.tolerance > 0.0)) throw InvalidInput("tol", -1, options.tolerance, "> 0");
  if (!(options.l2 >= 0.0 && std::isfinite(options.l2)))
    throw InvalidInput("l2", -1, options.l2, "finite and >= 0");
  if (!(options.coefficient_l2 >= 0.0 && std::isfinite(options.coefficient_l2)))
    throw InvalidInput("covariate_l2", -1, options.coefficient_l2, "finite and >= 0");
}

void penalise(optim::Evaluation& e, std::span<const double> u, const FitOptions& options,
              const std::vector<double>& scale) {
  for (std::size_t i = scale.size(); i < u.size(); ++i) {
    e.value += options.coefficient_l2 * u[i] * u[i];
    e.gradient[i] += 2.0 * options.coefficient_l2 * u[i];
    e.hessian[i * u.size() + i] += 2.0 * options.coefficient_l2;
  }
  if (options.l2 == 0.0) return;
  for (std::size_t i = 0; i < scale.size(); ++i) {
    const double parameter = std::exp(u[i]) * scale[i];
    const double term = options.l2 * parameter * parameter;
    e.value += term;
    e.gradient[i] += 2.0 * term;
    e.hessian[i * u.size() + i] += 4.0 * term;
  }
}

Fit as_fit(const optim::Result& result, const ModelScales& scales, double customers,
           const FitOptions& options) {
  const std::size_t positive = scales.parameter.size();
  Fit fit;
  fit.customers = customers;
  fit.status = result.status;
  fit.iterations = result.iterations;
  fit.gradient_norm = result.gradient_norm;
  fit.eigenvalues = result.eigenvalues;
  double penalty = 0.0;
  for (std::size_t i = 0; i < positive; ++i) {
    fit.parameters.push_back(std::exp(result.point[i]) * scales.parameter[i]);
    const double penalised = std::exp(result.point[i]) * scales.penalty[i];
    penalty += options.l2 * penalised * penalised;
  }
  for (std::size_t i = positive; i < result.point.size(); ++i) {
    fit.parameters.push_back(result.point[i]);
    penalty += options.coefficient_l2 * result.point[i] * result.point[i];
  }
  fit.log_likelihood = -customers * (result.at.value - penalty) + scales.log_likelihood_shift;
  fit.log_covariance = result.inverse_hessian;
  for (double& c : fit.log_covariance) c /= customers;
  return fit;
}

Fit maximise(const MeanLikelihood& likelihood, const std::vector<std::vector<double>>& starts,
             const ModelScales& scales, double customers, std::int64_t rows,
             const FitOptions& options) {
  require_valid(options);
  const auto objective = [&](std::int64_t stride) {
    return [&, stride](std::span<const double> u) {
      optim::Evaluation e = likelihood(u, stride);
      penalise(e, u, options, scales.penalty);
      return e;
    };
  };
  optim::NewtonOptions newton{.max_iterations = options.max_iterations,
                              .tolerance = options.tolerance};

  optim::Result best;
  std::int64_t coarse = 0;
  if (!options.start.empty()) {
    std::vector<double> point = options.start;
    if (point.size() != starts.front().size())
      throw InvalidInput("start", -1, static_cast<double>(point.size()), "one number a parameter");
    for (std::size_t i = 0; i < scales.parameter.size(); ++i)
      point[i] = std::log(point[i] / scales.parameter[i]);
    best = optim::newton(objective(1), point, newton);
    coarse = best.iterations;
  }
  if (best.status != optim::Status::converged && rows >= kCoarseRows) {
    optim::NewtonOptions loose = newton;
    loose.tolerance = optim::kHonestGradient;
    const auto near = optim::newton(objective(kCoarseStride), starts.front(), loose);
    if (near.status == optim::Status::converged) {
      best = optim::newton(objective(1), near.point, newton);
      best.iterations += coarse;
      coarse = best.iterations;
    }
  }
  if (best.status != optim::Status::converged) {
    best = optim::newton_from(objective(1), starts, newton);
    best.iterations += coarse;
  }

  // Where a parameter runs away in an extreme unit, it stays a number.
  bool is_far = false;
  const std::size_t positive = scales.parameter.size();
  for (std::size_t i = 0; i < positive; ++i) {
    const double unit = std::log(scales.parameter[i]);
    const double near = std::clamp(best.point[i], -700.0 - unit, 700.0 - unit);
    is_far |= near != best.point[i];
    best.point[i] = near;
  }
  if (is_far) best.at = objective(1)(best.point);

  return as_fit(best, scales, customers, options);
}

}  // namespace tenure::clv
