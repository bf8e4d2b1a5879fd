#include "tenure/churn/logistic_net.hpp"

#include <utility>

#include "elastic_path.hpp"
#include "tenure/churn/logistic.hpp"
#include "tenure/churn/logistic_likelihood.hpp"

namespace tenure::churn {

LogisticNetPath logistic_net(const LogisticData& data, const LogisticNetSettings& settings,
                             const Execution& execution) {
  std::vector<double> start(static_cast<std::size_t>(data.terms), 0.0);
  if (data.intercept) start[0] = logistic_null(data, execution).intercept;
  std::vector<std::uint8_t> held;
  for (const double f : settings.lasso) held.push_back(f > 0.0);
  LogisticSettings unpenalised;
  unpenalised.start = start;
  unpenalised.held = held;
  const auto begun = fit_logistic(data, unpenalised, execution);

  const double unit = 1.0 / data.total_weight;
  std::vector<double> here;
  const detail::SmoothLoss loss{
      [&](const std::vector<double>& beta, std::vector<double>& gradient) {
        here = beta;
        auto point = logistic_at(data, beta, LogisticPass::score, execution);
        gradient = std::move(point.score);
        for (double& g : gradient) g *= -unit;
        return -unit * point.log_likelihood;
      },
      [&] {
        auto hessian = logistic_at(data, here, LogisticPass::information, execution).information;
        for (double& h : hessian) h *= unit;
        return hessian;
      }};
  const detail::ElasticSettings elastic{.l1_ratio = settings.l1_ratio,
                                        .lasso = settings.lasso,
                                        .ridge = settings.ridge,
                                        .penalty = settings.penalty,
                                        .penalties = settings.penalties,
                                        .least = settings.least,
                                        .max_iterations = settings.max_iterations,
                                        .tolerance = settings.tolerance,
                                        .least_curvature = 1e-10 * unit};
  auto found = detail::elastic_path(loss, begun.beta, elastic, execution);
  for (double& value : found.loss) value /= -unit;
  return {std::move(found.penalty), std::move(found.beta), std::move(found.loss),
          std::move(found.converged), found.evaluations};
}

}  // namespace tenure::churn
