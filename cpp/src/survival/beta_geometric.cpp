#include "tenure/survival/beta_geometric.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "tenure/support/errors.hpp"

namespace tenure::survival {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kMaxAge = std::int64_t{1} << 20;

void require_counts(const RenewalCounts& counts) {
  if (counts.lost.size() != counts.kept.size())
    throw InvalidInput("kept", -1, static_cast<double>(counts.kept.size()), "as long as lost");
  for (std::size_t t = 0; t < counts.lost.size(); ++t)
    for (const auto& [name, n] : {std::pair{"lost", counts.lost[t]}, {"kept", counts.kept[t]}})
      if (!(n >= 0.0 && std::isfinite(n)))
        throw InvalidInput(name, static_cast<std::int64_t>(t), n, "finite and >= 0");
}

void require_valid(const BetaGeometric& at) {
  for (const auto& [name, value] : {std::pair{"alpha", at.alpha}, {"beta", at.beta}})
    if (!(std::isnormal(value) && value > 0.0))
      throw InvalidInput(name, -1, value, "finite and > 0");
}

std::vector<RenewalInterval> renewals_of(const RenewalCounts& counts) {
  std::vector<RenewalInterval> renewals;
  for (std::size_t t = 0; t < counts.lost.size(); ++t) {
    const auto age = static_cast<double>(t);
    renewals.push_back({age, age + 1.0, counts.kept[t], counts.lost[t]});
  }
  return renewals;
}

}  // namespace

optim::Evaluation beta_geometric_log_likelihood(const BetaGeometric& at,
                                                const RenewalCounts& counts) {
  require_counts(counts);
  require_valid(at);
  return renewal_log_likelihood(at, renewals_of(counts));
}

BetaGeometricFit fit_beta_geometric(const RenewalCounts& counts,
                                    const optim::NewtonOptions& options) {
  require_counts(counts);
  double lost = 0.0, kept = 0.0;
  std::int64_t ages = 0;
  for (std::size_t t = 0; t < counts.lost.size(); ++t) {
    lost += counts.lost[t];
    kept += counts.kept[t];
    ages += counts.lost[t] + counts.kept[t] > 0.0;
  }
  if (ages < 2)
    throw InvalidInput(
        "survivors", -1,
        "must be seen at two ages after the first at least: from one renewal the two "
        "parameters of the model cannot be told");
  if (!(lost > 0.0))
    throw InvalidInput("survivors", -1,
                       "must hold somebody who left: nobody churned yet, and any "
                       "small churn fits");
  if (!(kept > 0.0))
    throw InvalidInput("survivors", -1,
                       "must hold somebody who was kept: all churned at their first renewal");

  const auto renewals = renewals_of(counts);
  const auto objective = [&](std::span<const double> u) {
    optim::Evaluation e =
        renewal_log_likelihood(BetaGeometric{std::exp(u[0]), std::exp(u[1])}, renewals);
    const double factor = -1.0 / (lost + kept);
    e.value *= factor;
    for (double& g : e.gradient) g *= factor;
    for (double& h : e.hessian) h *= factor;
    return e;
  };
  // Around the mean churn, with much, some and little heterogeneity.
  const double churn = lost / (lost + kept);
  std::vector<std::vector<double>> starts;
  for (const double size : {2.0, 0.5, 10.0, 100.0})
    starts.push_back({std::log(size * churn), std::log(size * (1.0 - churn))});
  const optim::Result found = optim::newton_from(objective, starts, options);

  BetaGeometricFit fit;
  fit.parameters = {std::exp(found.point[0]), std::exp(found.point[1])};
  for (std::size_t i = 0; i < 4; ++i)
    fit.log_covariance[i] = found.inverse_hessian[i] / (lost + kept);
  fit.log_likelihood = -(lost + kept) * found.at.value;
  fit.status = found.status;
  fit.iterations = found.iterations;
  fit.gradient_norm = found.gradient_norm;
  return fit;
}

SurvivalRatio beta_geometric_survival(const BetaGeometric& at,
                                      std::span<const double, 4> log_covariance, std::int64_t from,
                                      std::int64_t to) {
  require_valid(at);
  if (from < 0 || to < from || to > kMaxAge)
    throw InvalidInput("age", -1, static_cast<double>(to), ">= the one before it, at most 2^20");
  if (to == from) return {1.0, 0.0};
  const Hazard<2> h = hazard(at, static_cast<double>(from), static_cast<double>(to));
  const double in_alpha = h.first[0], in_beta = h.first[1];
  const double variance = in_alpha * in_alpha * log_covariance[0] +
                          in_alpha * in_beta * (log_covariance[1] + log_covariance[2]) +
                          in_beta * in_beta * log_covariance[3];
  // d logit p = d log p / (1 - p).
  return {std::exp(-h.value), std::sqrt(variance < 0.0 ? 0.0 : variance) / -std::expm1(-h.value)};
}

std::array<double, 2> logit_limits(double share, double logit_error, double z) {
  if (share >= 1.0) return {1.0, 1.0};
  if (std::isnan(logit_error)) return {kNan, kNan};
  const double odds = share / (1.0 - share), spread = std::exp(z * logit_error);
  return {1.0 / (1.0 + spread / odds), 1.0 / (1.0 + 1.0 / (spread * odds))};
}

}  // namespace tenure::survival
