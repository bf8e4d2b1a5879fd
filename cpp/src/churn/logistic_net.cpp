#include "tenure/churn/logistic_net.hpp"

#include <memory>
#include <utility>

#include "elastic_path.hpp"
#include "logistic_part.hpp"
#include "logistic_points.hpp"
#include "tenure/churn/logistic.hpp"
#include "tenure/churn/logistic_likelihood.hpp"

namespace tenure::churn {
namespace {

using Vector = std::vector<double>;

detail::SmoothLoss loss_of(const std::shared_ptr<const LogisticData>& data,
                           const Execution& execution) {
  const double unit = 1.0 / data->total_weight;
  const auto point_of = [=](const Vector& at, LogisticPoint& found) {
    for (double& g : found.score) g *= -unit;
    return detail::ElasticPoint{at, -unit * found.log_likelihood, std::move(found.score)};
  };
  return {static_cast<std::size_t>(data->terms), unit,
          [=, &execution](const std::vector<Vector>& at) {
            if (at.size() > 1)
              return detail::look_in_lanes(at, unit, [&](std::span<const double> beta) {
                return detail::logistic_points(*data, beta, execution);
              });
            LogisticPoint found = logistic_at(*data, at[0], LogisticPass::score, execution);
            return std::vector<detail::ElasticPoint>{point_of(at[0], found)};
          },
          [=, &execution](const Vector& at, Vector& hessian) {
            LogisticPoint found = logistic_at(*data, at, LogisticPass::information, execution);
            hessian = std::move(found.information);
            for (double& h : hessian) h *= unit;
            return point_of(at, found);
          },
          [=, &execution](const std::vector<std::size_t>& terms) {
            return loss_of(detail::some_terms(*data, terms, execution), execution);
          }};
}

/// The regression of the terms that are not penalised: all others at 0.
Vector unpenalised(const LogisticData& data, const ElasticNetSettings& settings,
                   const Execution& execution) {
  Vector start(static_cast<std::size_t>(data.terms), 0.0);
  std::vector<std::size_t> free;
  for (std::size_t j = 0; j < start.size(); ++j)
    if (!(settings.lasso[j] > 0.0)) free.push_back(j);
  if (free.empty()) return start;
  const auto part = detail::some_terms(data, free, execution);
  // A ridge of 0: whether the coefficients exist is not asked, as a penalty may be what they need.
  const Vector ridge(free.size(), 0.0);
  LogisticSettings fit;
  fit.ridge = ridge;
  const auto begun = fit_logistic(*part, fit, execution);
  for (std::size_t k = 0; k < free.size(); ++k) start[free[k]] = begun.beta[k];
  return start;
}

}  // namespace

ElasticNetPath logistic_net(const LogisticData& data, const ElasticNetSettings& settings,
                            const Execution& execution) {
  // The caller's data outlives the path.
  const std::shared_ptr<const LogisticData> lent(&data, [](const LogisticData*) {});
  return detail::elastic_path(loss_of(lent, execution), unpenalised(data, settings, execution),
                              settings, execution);
}

}  // namespace tenure::churn
