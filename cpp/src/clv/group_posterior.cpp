#include "tenure/clv/group_posterior.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "tenure/optim/newton.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

constexpr int kSteps = 10;
constexpr double kHyperSpread = 2.0;   // chains start this much farther apart than draws will lie
constexpr double kFarthest = 5.0;      // of a centre from mu, in logarithms
constexpr std::size_t kOneBlock = 40;  // coordinates whose covariances can all be estimated
constexpr std::uint64_t kStartStreams = std::uint64_t{1} << 63;  // those of the chains count from 0

/// Laplace's approximation of one group.
struct GroupMode {
  std::vector<double> at;
  Matrix covariance;
  bool found = false;
};

struct Reference {
  std::vector<double> mu, log_tau;
  std::vector<GroupMode> group;
};

/// The mode of all groups alike.
optim::Result mode_of_all(const GroupModel& model, const Execution& execution) {
  double customers = 0.0;
  const PreparedLikelihood* largest = nullptr;
  for (const auto& g : model.groups) {
    customers += g.customers;
    if (!largest || g.customers > largest->customers) largest = &g;
  }
  return optim::newton_from(
      [&](std::span<const double> u) {
        const std::size_t n = u.size();
        optim::Evaluation sum{0.0, std::vector<double>(n), std::vector<double>(n * n)};
        for (const auto& g : model.groups) {
          const auto e = g.at(u, Order::second, execution);
          sum.value += e.value;
          for (std::size_t i = 0; i < n; ++i) sum.gradient[i] += e.gradient[i];
          for (std::size_t i = 0; i < n * n; ++i) sum.hessian[i] += e.hessian[i];
        }
        for (const PriorTerm& term : model.population) add_log_density(term, u, sum);
        sum.value /= -customers;
        for (double& v : sum.gradient) v /= -customers;
        for (double& v : sum.hessian) v /= -customers;
        return sum;
      },
      largest->starts, {});
}

GroupMode mode_of_group(const PreparedLikelihood& likelihood, const Reference& about,
                        const std::vector<double>& start, const Execution& execution) {
  const std::size_t n = start.size();
  const double scale = -1.0 / std::max(1.0, likelihood.customers);
  const auto found = optim::newton(
      [&](std::span<const double> u) {
        optim::Evaluation e = likelihood.at(u, Order::second, execution);
        for (std::size_t k = 0; k < n; ++k) {
          const double precision = std::exp(-2.0 * about.log_tau[k]), off = u[k] - about.mu[k];
          e.value -= 0.5 * precision * off * off;
          e.gradient[k] -= precision * off;
          e.hessian[k * n + k] -= precision;
        }
        e.value *= scale;
        for (double& v : e.gradient) v *= scale;
        for (double& v : e.hessian) v *= scale;
        return e;
      },
      start, {});
  GroupMode mode{about.mu, Matrix::Zero(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n)),
                 found.status == optim::Status::converged};
  if (!mode.found) {
    for (std::size_t k = 0; k < n; ++k)
      mode.covariance(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(k)) =
          std::exp(2.0 * about.log_tau[k]);
    return mode;
  }
  mode.at = found.point;
  mode.covariance =
      -scale * Eigen::Map<const Matrix>(found.inverse_hessian.data(), static_cast<Eigen::Index>(n),
                                        static_cast<Eigen::Index>(n));
  return mode;
}

/// The M step: mu and log(tau) that maximise the expected log-density of the groups' parameters.
void maximise(const GroupModel& model, Reference& about) {
  const std::size_t n = about.mu.size();
  const auto groups = static_cast<double>(about.group.size());
  std::vector<double> sum(n), squares(n);
  for (const GroupMode& g : about.group)
    for (std::size_t k = 0; k < n; ++k) {
      const auto i = static_cast<Eigen::Index>(k);
      sum[k] += g.at[k];
      squares[k] += g.at[k] * g.at[k] + g.covariance(i, i);
    }
  std::vector<double> start = about.mu;
  start.insert(start.end(), about.log_tau.begin(), about.log_tau.end());
  const auto best = optim::newton(
      [&](std::span<const double> x) {
        const auto mu = x.first(n), log_tau = x.subspan(n);
        optim::Evaluation of_mu{0.0, std::vector<double>(n), std::vector<double>(n * n)};
        optim::Evaluation of_tau = of_mu;
        for (const PriorTerm& term : model.population) add_log_density(term, mu, of_mu);
        for (const PriorTerm& term : model.spread) add_log_density(term, log_tau, of_tau);
        optim::Evaluation e{of_mu.value + of_tau.value, std::vector<double>(2 * n),
                            std::vector<double>(4 * n * n)};
        for (std::size_t k = 0; k < n; ++k) {
          const double precision = std::exp(-2.0 * log_tau[k]);
          const double off = groups * mu[k] - sum[k];
          const double about_mu = squares[k] - 2.0 * mu[k] * sum[k] + groups * mu[k] * mu[k];
          e.value -= groups * log_tau[k] + 0.5 * precision * about_mu;
          e.gradient[k] = of_mu.gradient[k] - precision * off;
          e.gradient[n + k] = of_tau.gradient[k] - groups + precision * about_mu;
          for (std::size_t j = 0; j < n; ++j) {
            e.hessian[k * 2 * n + j] = of_mu.hessian[k * n + j];
            e.hessian[(n + k) * 2 * n + n + j] = of_tau.hessian[k * n + j];
          }
          e.hessian[k * 2 * n + k] -= precision * groups;
          e.hessian[(n + k) * 2 * n + n + k] -= 2.0 * precision * about_mu;
          e.hessian[k * 2 * n + n + k] = e.hessian[(n + k) * 2 * n + k] = 2.0 * precision * off;
        }
        e.value /= -groups;
        for (double& v : e.gradient) v /= -groups;
        for (double& v : e.hessian) v /= -groups;
        return e;
      },
      start, {.tolerance = 1e-6});
  if (best.status != optim::Status::converged) return;  // the step before stands
  std::copy_n(best.point.begin(), n, about.mu.begin());
  std::copy_n(best.point.begin() + static_cast<std::ptrdiff_t>(n), n, about.log_tau.begin());
}

/// Where a prior is highest, as a density of log(tau).
double mode_of(const PriorTerm& term) {
  switch (term.family) {
    case PriorFamily::log_normal:
      return term.first;
    case PriorFamily::gamma:
      return std::log(term.first / term.second);
    case PriorFamily::half_normal:
      return std::log(term.first);
    case PriorFamily::beta:
      break;
  }
  return 0.0;
}

Reference refer(const GroupModel& model, const std::vector<double>& mu,
                const Execution& execution) {
  Reference about{mu, std::vector<double>(mu.size(), 0.0), {}};
  for (const PriorTerm& term : model.spread)
    for (std::size_t k = 0; k < mu.size(); ++k)
      if (term.weight[k] != 0.0) about.log_tau[k] = mode_of(term);
  for (int step = 0;; ++step) {
    std::vector<GroupMode> next;
    for (std::size_t g = 0; g < model.groups.size(); ++g) {
      const bool known = step > 0 && about.group[g].found;
      next.push_back(
          mode_of_group(model.groups[g], about, known ? about.group[g].at : about.mu, execution));
    }
    about.group = std::move(next);
    if (step == kSteps) return about;
    maximise(model, about);
  }
}

GroupCoordinates coordinates_of(const Reference& about) {
  const std::size_t n = about.mu.size();
  GroupCoordinates c;
  for (const GroupMode& g : about.group)
    for (std::size_t k = 0; k < n; ++k) {
      const auto i = static_cast<Eigen::Index>(k);
      const double prior = std::exp(-2.0 * about.log_tau[k]);
      const double information = std::max(0.0, 1.0 / g.covariance(i, i) - prior);
      const double share = information / (information + prior);
      const double off = share > 1e-3 ? (g.at[k] - about.mu[k]) / share : 0.0;
      c.information.push_back(information);
      c.centre.push_back(about.mu[k] + std::clamp(off, -kFarthest, kFarthest));
    }
  return c;
}

/// A positive definite matrix near a symmetric one: eigenvalues of at least `least`.
Matrix definite(const Matrix& m, double least) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(0.5 * (m + m.transpose()));
  const Vector values = solver.eigenvalues().cwiseMax(least);
  return solver.eigenvectors() * values.asDiagonal() * solver.eigenvectors().transpose();
}

/// The covariance of the coordinates, were all normal: mu and log(tau), then group by group.
Matrix guess(const GroupModel& model, const Reference& about, const GroupCoordinates& c) {
  const std::size_t n = about.mu.size();
  const auto k = static_cast<Eigen::Index>(n);
  optim::Evaluation of_mu{0.0, std::vector<double>(n), std::vector<double>(n * n)};
  optim::Evaluation of_tau = of_mu;
  for (const PriorTerm& term : model.population) add_log_density(term, about.mu, of_mu);
  for (const PriorTerm& term : model.spread) add_log_density(term, about.log_tau, of_tau);

  Vector precision(k);
  for (Eigen::Index i = 0; i < k; ++i)
    precision[i] = std::exp(-2.0 * about.log_tau[static_cast<std::size_t>(i)]);
  Matrix for_mu = -Eigen::Map<const Matrix>(of_mu.hessian.data(), k, k);
  Vector for_tau(k);
  for (Eigen::Index i = 0; i < k; ++i)
    for_tau[i] = std::max(0.25, -of_tau.hessian[static_cast<std::size_t>(i * k + i)]);
  const auto size = static_cast<Eigen::Index>(model.coordinates());
  Matrix all = Matrix::Zero(size, size);
  for (std::size_t g = 0; g < about.group.size(); ++g) {
    const Matrix& covariance = about.group[g].covariance;
    // (H^-1 + tau^2)^-1, also where H cannot be inverted.
    for_mu += precision.asDiagonal().toDenseMatrix() -
              precision.asDiagonal() * covariance * precision.asDiagonal();
    const auto from = static_cast<Eigen::Index>((2 + g) * n);
    for (Eigen::Index i = 0; i < k; ++i) {
      const double h = c.information[g * n + static_cast<std::size_t>(i)];
      const double share = h / (h + precision[i]);
      for_tau[i] += 2.0 * share * share;
      for (Eigen::Index j = 0; j < k; ++j)
        all(from + i, from + j) = covariance(i, j) / std::sqrt(covariance(i, i) * covariance(j, j));
    }
    all.block(from, from, k, k) = definite(all.block(from, from, k, k), 1e-6);
  }
  all.topLeftCorner(k, k) = definite(for_mu, 1e-3).inverse();
  all.block(k, k, k, k) = for_tau.cwiseInverse().asDiagonal();
  return all;
}

/// Where the chains begin: normal noise of the first guess, closer where that has no density.
std::vector<std::vector<double>> scatter(const Reference& about, const Matrix& covariance,
                                         const optim::LogDensity& density,
                                         const PosteriorOptions& options) {
  const std::size_t n = about.mu.size();
  const Eigen::Index size = covariance.rows();
  const Matrix root = covariance.llt().matrixL();
  std::vector<std::vector<double>> starts;
  for (std::int64_t c = 0; c < options.chains; ++c) {
    RandomStream random(options.seed, kStartStreams | static_cast<std::uint64_t>(c));
    Vector offset(size);
    for (double& z : offset) z = random.normal();
    offset = root * offset;
    offset.head(static_cast<Eigen::Index>(2 * n)) *= kHyperSpread;
    std::vector<double> start(static_cast<std::size_t>(size)), gradient(start.size());
    const auto has_density = [&](double share) {
      for (std::size_t i = 0; i < start.size(); ++i) {
        const double centre = i < n ? about.mu[i] : i < 2 * n ? about.log_tau[i - n] : 0.0;
        start[i] = centre + share * offset[static_cast<Eigen::Index>(i)];
      }
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

GroupPosteriorDraws sample_group_posterior(const GroupModel& model, const PosteriorOptions& options,
                                           const Execution& execution) {
  if (model.groups.empty()) throw InvalidInput("groups", -1, 0.0, "at least one");
  const std::size_t n = model.parameters();
  require_valid(model.population, n);
  require_valid(model.spread, n);
  if (options.chains < 1)
    throw InvalidInput("chains", -1, static_cast<double>(options.chains), ">= 1");

  const auto mode = mode_of_all(model, execution);
  const Reference about = refer(model, mode.point, execution);
  GroupCoordinates coordinates = coordinates_of(about);
  const Matrix covariance = guess(model, about, coordinates);

  // Chains take the threads; those left over work within an evaluation.
  const Execution inner{
      std::max(1, static_cast<int>(execution.threads / std::max<std::int64_t>(1, options.chains))),
      execution.interrupt};
  const optim::LogDensity density = [&](std::span<const double> x, std::span<double> gradient) {
    return group_log_density(model, coordinates, x, gradient, inner);
  };
  optim::NutsOptions nuts{.draws = options.draws,
                          .warmup = options.warmup,
                          .target_accept = options.target_accept,
                          .seed = options.seed};
  nuts.covariance.assign(covariance.data(), covariance.data() + covariance.size());
  if (model.coordinates() > kOneBlock)
    for (std::size_t i = 0; i < model.coordinates(); ++i)
      nuts.block.push_back(i < 2 * n ? 0 : static_cast<std::int64_t>(i / n));

  GroupPosteriorDraws out{
      optim::nuts(density, scatter(about, covariance, density, options), nuts, execution)};
  const std::size_t size = model.coordinates();
  for (std::size_t i = 0; i < out.log_density.size(); ++i)
    out.log_density[i] -= to_logarithms(coordinates, n, {out.point.data() + i * size, size});
  out.coordinates = std::move(coordinates);
  out.mode_found = mode.status == optim::Status::converged;
  return out;
}

}  // namespace tenure::clv
