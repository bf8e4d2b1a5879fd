#include "tenure/clv/posterior.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <utility>

#include "tenure/optim/newton.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

constexpr double kSpread = 2.0;  // chains start this much farther apart than the draws will lie
constexpr std::uint64_t kStartStreams = std::uint64_t{1} << 63;  // those of the chains count from 0

/// Where the chains begin: the mode plus normal noise, closer where that has no density.
std::vector<std::vector<double>> scatter(const optim::Result& mode,
                                         const std::vector<double>& covariance,
                                         const optim::LogDensity& density,
                                         const PosteriorOptions& options) {
  const auto n = mode.point.size();
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::Map<const Eigen::VectorXd> centre(mode.point.data(), size);
  Eigen::MatrixXd root = 0.5 * Eigen::MatrixXd::Identity(size, size);
  if (!covariance.empty())
    root = kSpread *
           Eigen::MatrixXd(
               Eigen::Map<const Eigen::MatrixXd>(covariance.data(), size, size).llt().matrixL());
  std::vector<std::vector<double>> starts;
  for (std::int64_t c = 0; c < options.chains; ++c) {
    RandomStream random(options.seed, kStartStreams | static_cast<std::uint64_t>(c));
    Eigen::VectorXd offset(size);
    for (double& z : offset) z = random.normal();
    offset = root * offset;
    std::vector<double> start(n), gradient(n);
    const auto has_density = [&](double share) {
      Eigen::Map<Eigen::VectorXd>(start.data(), size) = centre + share * offset;
      return std::isfinite(density(start, gradient)) &&
             std::ranges::all_of(gradient, [](double g) { return std::isfinite(g); });
    };
    for (double share = 1.0; !has_density(share) && share > 0.0;)
      share = share > 1e-3 ? 0.5 * share : 0.0;
    starts.push_back(std::move(start));
  }
  return starts;
}

}  // namespace

PosteriorDraws sample_posterior(const PreparedLikelihood& likelihood,
                                const std::vector<PriorTerm>& prior,
                                const PosteriorOptions& options, const Execution& execution) {
  require_valid(prior, likelihood.parameters);
  if (options.chains < 1)
    throw InvalidInput("chains", -1, static_cast<double>(options.chains), ">= 1");
  const auto posterior = [&](std::span<const double> u, Order order, const Execution& run) {
    optim::Evaluation e = likelihood.at(u, order, run);
    for (const PriorTerm& term : prior) add_log_density(term, u, e);
    return e;
  };

  const double scale = -1.0 / likelihood.customers;
  const auto mode = optim::newton_from(
      [&](std::span<const double> u) {
        optim::Evaluation e = posterior(u, Order::second, execution);
        e.value *= scale;
        for (double& g : e.gradient) g *= scale;
        for (double& h : e.hessian) h *= scale;
        return e;
      },
      likelihood.starts, {});
  const bool found = mode.status == optim::Status::converged;

  // Chains take the threads; those left over work within an evaluation.
  const Execution inner{
      std::max(1, static_cast<int>(execution.threads / std::max<std::int64_t>(1, options.chains))),
      execution.interrupt};
  const optim::LogDensity density = [&](std::span<const double> u, std::span<double> gradient) {
    const optim::Evaluation e = posterior(u, Order::first, inner);
    std::ranges::copy(e.gradient, gradient.begin());
    return e.value;
  };

  optim::NutsOptions nuts{.draws = options.draws,
                          .warmup = options.warmup,
                          .target_accept = options.target_accept,
                          .seed = options.seed};
  if (found) {
    nuts.covariance = mode.inverse_hessian;
    for (double& c : nuts.covariance) c /= likelihood.customers;
  }
  PosteriorDraws out{
      optim::nuts(density, scatter(mode, nuts.covariance, density, options), nuts, execution)};
  out.mode = mode.point;
  out.mode_found = found;
  return out;
}

}  // namespace tenure::clv
