#include "tenure/clv/elastic.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "penalty.hpp"
#include "tenure/optim/proximal_newton.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {

Fit maximise_elastic(const MeanLikelihood& likelihood,
                     const std::vector<std::vector<double>>& starts, const ModelScales& scales,
                     double customers, std::int64_t rows, const ElasticOptions& options) {
  if (!(options.coefficient_l1 >= 0.0 && std::isfinite(options.coefficient_l1)))
    throw InvalidInput("covariate_alpha", -1, options.coefficient_l1, "finite and >= 0");
  if (options.coefficient_l1 == 0.0)
    return maximise(likelihood, starts, scales, customers, rows, options);
  require_valid(options);

  std::vector<double> l1(starts.front().size(), options.coefficient_l1);
  std::fill_n(l1.begin(), scales.parameter.size(), 0.0);
  const auto objective = [&](std::span<const double> u) {
    optim::Evaluation e = likelihood(u, 1);
    penalise(e, u, options, scales.penalty);
    return e;
  };
  const optim::NewtonOptions newton{.max_iterations = options.max_iterations,
                                    .tolerance = options.tolerance};
  optim::Result best;
  std::int64_t iterations = 0;
  for (const auto& start : starts) {
    optim::Result result = optim::proximal_newton(objective, start, l1, newton);
    iterations += result.iterations;
    if (best.point.empty() || result.status == optim::Status::converged) best = std::move(result);
    if (best.status == optim::Status::converged) break;
  }
  best.iterations = iterations;
  for (std::size_t i = 0; i < scales.parameter.size(); ++i) {
    const double unit = std::log(scales.parameter[i]);
    best.point[i] = std::clamp(best.point[i], -700.0 - unit, 700.0 - unit);
  }
  return as_fit(best, scales, customers, options);
}

}  // namespace tenure::clv
