#include "abe_posterior.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFarthestRoot = 50.0;  // of log l_11, l_21, log l_22

void require_valid(const RepeatPurchases& purchases, std::span<const double> design,
                   std::int64_t covariates, const AbePrior& prior) {
  const auto k = static_cast<std::size_t>(covariates);
  if (purchases.rows() == 0) throw InvalidInput("frequency", -1, "must be non-empty");
  if (covariates < 1 || design.size() != purchases.frequency.size() * k)
    throw InvalidInput("covariates", -1, "must have a row a customer");
  for (std::size_t i = 0; i < design.size(); ++i)
    if (!std::isfinite(design[i]))
      throw InvalidInput("covariates", static_cast<std::int64_t>(i / k), design[i], "finite");
  if (prior.mean.size() != 2 * k || prior.precision.size() != k * k || prior.scale.size() != 4)
    throw InvalidInput("prior", -1, "does not fit the number of covariates");
  const auto is_density = [](const std::vector<double>& values, std::int64_t rows) {
    const Matrix m = AbePosterior::Design(values.data(), rows, rows);
    return m.allFinite() && m.isApprox(m.transpose()) && m.llt().info() == Eigen::Success;
  };
  if (!is_density(prior.precision, covariates))
    throw InvalidInput("prior", -1, "precision must be symmetric and positive definite");
  if (!is_density(prior.scale, 2))
    throw InvalidInput("prior", -1, "scale must be symmetric and positive definite");
  if (!(prior.degrees > 1.0 && std::isfinite(prior.degrees)))
    throw InvalidInput("prior", -1, "degrees of freedom must be finite and > 1");
  if (!std::ranges::all_of(prior.mean, [](double v) { return std::isfinite(v); }))
    throw InvalidInput("prior", -1, "mean must be finite");
}

/// Rough logarithms of the rates of every customer: n x 2.
Matrix rough_rates(const RepeatPurchases& purchases) {
  const std::int64_t rows = purchases.rows();
  double unit = 0.0;
  for (const double age : purchases.age) unit += age / static_cast<double>(rows);
  if (!(unit > 0.0)) unit = 1.0;
  Matrix rough(rows, 2);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    rough(i, 0) = std::log((purchases.frequency[row] + 0.5) / (purchases.age[row] + unit));
    rough(i, 1) = -std::log(unit);
  }
  return rough;
}

}  // namespace

AbePosterior::AbePosterior(const RepeatPurchases& purchases, std::span<const double> design,
                           std::int64_t covariates, const AbePrior& prior,
                           const Execution& execution)
    : design_(design.data(), purchases.rows(), std::max<std::int64_t>(1, covariates)) {
  clv::require_valid(purchases, execution);
  require_valid(purchases, design, covariates, prior);
  mean_ = Design(prior.mean.data(), covariates, 2);
  precision_ = Design(prior.precision.data(), covariates, covariates);
  scale_ = Design(prior.scale.data(), 2, 2);
  degrees_ = prior.degrees;

  const Matrix cross = design_.transpose() * design_ + precision_;
  const Matrix inverse = cross.llt().solve(Matrix::Identity(covariates, covariates));
  const Matrix even = 0.5 * (inverse + inverse.transpose());
  if (!(even.allFinite() && even.llt().info() == Eigen::Success))
    throw InvalidInput("covariates", -1,
                       "are collinear or of scales too far apart: the regression of the "
                       "rates on them has no solution");
  const Eigen::Index n = 2 * covariates + 3;
  mode_ = Vector::Zero(n);
  const Matrix start = even * (design_.transpose() * rough_rates(purchases) + precision_ * mean_);
  mode_.head(2 * covariates) = start.reshaped();
  spread_ = Matrix::Identity(n, n) / (0.1 * static_cast<double>(purchases.rows()) + 1.0);
  marginal_.emplace(purchases, design.data(), covariates);
}

AbePopulation AbePosterior::at(const Vector& point) const {
  const Eigen::Index k = design_.cols();
  const double* l = point.data() + 2 * k;
  Matrix root(2, 2);
  root << std::exp(l[0]), 0.0, l[1], std::exp(l[2]);
  return {Eigen::Map<const Matrix>(point.data(), k, 2), root};
}

double AbePosterior::log_prior(const AbePopulation& p) const {
  const Matrix inverse = (p.root * p.root.transpose()).inverse();
  const Matrix off = p.coefficients - mean_;
  const Matrix squares = scale_ + off.transpose() * precision_ * off;
  const double first = std::log(p.root(0, 0)), second = std::log(p.root(1, 1));
  const double power = degrees_ + 3.0 + static_cast<double>(design_.cols());
  // The last two terms: dGamma is 4 l_11^3 l_22^2 d(log l_11, l_21, log l_22).
  return -power * (first + second) - 0.5 * (squares * inverse).trace() + 3.0 * first + 2.0 * second;
}

double AbePosterior::log_density(const Vector& point, const Execution& execution) const {
  if (!(point.allFinite() && point.tail(3).cwiseAbs().maxCoeff() < kFarthestRoot))
    return -kInfinity;
  const AbePopulation p = at(point);
  const double value = marginal_->log_likelihood(p.coefficients, p.root, execution) + log_prior(p);
  return std::isnan(value) ? -kInfinity : value;
}

void AbePosterior::find_mode(const Execution& execution) {
  const Eigen::Index n = mode_.size();
  const auto f = [&](const Vector& point) { return log_density(point, execution); };
  const double h = 0.02;
  double here = f(mode_);
  if (!std::isfinite(here))
    throw InvalidInput("prior", -1,
                       "and covariates allow no rates that these customers can have: too far from "
                       "1 in the unit of time");
  for (int turn = 0; turn < 15; ++turn) {
    Vector up(n), down(n), gradient(n);
    Matrix curvature(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
      up[i] = f(mode_ + h * Vector::Unit(n, i));
      down[i] = f(mode_ - h * Vector::Unit(n, i));
      gradient[i] = (up[i] - down[i]) / (2.0 * h);
      curvature(i, i) = -(up[i] - 2.0 * here + down[i]) / (h * h);
    }
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < i; ++j) {
        const double both = f(mode_ + h * (Vector::Unit(n, i) + Vector::Unit(n, j)));
        curvature(i, j) = curvature(j, i) = -(both - up[i] - up[j] + here) / (h * h);
      }
    if (!(gradient.allFinite() && curvature.allFinite())) return;
    const Eigen::SelfAdjointEigenSolver<Matrix> e(curvature);
    const Vector values = e.eigenvalues().cwiseAbs().cwiseMax(1.0);
    spread_ = e.eigenvectors() * values.cwiseInverse().asDiagonal() * e.eigenvectors().transpose();
    Vector step = spread_ * gradient;
    if (step.norm() > 1.0) step /= step.norm();
    const double expected = gradient.dot(step);
    double next = f(mode_ + step);
    for (int half = 0; half < 20 && !(next >= here); ++half) next = f(mode_ + (step *= 0.5));
    if (!(next >= here)) return;
    mode_ += step;
    here = next;
    if (expected < 0.01) return;
  }
}

}  // namespace tenure::clv
