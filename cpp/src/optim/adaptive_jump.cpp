#include "tenure/optim/adaptive_jump.hpp"

#include <cmath>
#include <utility>

namespace tenure::optim {
namespace {

constexpr double kDegrees = 5.0;  // tails above those of the target, or it is stuck there

}  // namespace

AdaptiveJump::AdaptiveJump(Eigen::VectorXd mean, Eigen::MatrixXd covariance)
    : mean_(std::move(mean)),
      covariance_(std::move(covariance)),
      root_(covariance_.llt().matrixL()),
      seen_(20.0 * static_cast<double>(mean_.size())) {}

Eigen::VectorXd AdaptiveJump::propose(RandomStream& random) const {
  Eigen::VectorXd step(mean_.size());
  for (double& z : step) z = random.normal();
  const double wide = std::sqrt(0.5 * kDegrees / random.gamma(0.5 * kDegrees));
  return mean_ + wide * (root_ * step);
}

double AdaptiveJump::log_density(const Eigen::VectorXd& point) const {
  const Eigen::VectorXd away = root_.triangularView<Eigen::Lower>().solve(point - mean_);
  const auto n = static_cast<double>(point.size());
  return -0.5 * (kDegrees + n) * std::log1p(away.squaredNorm() / kDegrees);
}

void AdaptiveJump::learn(const Eigen::VectorXd& point) {
  const double gain = 1.0 / ++seen_;
  const Eigen::VectorXd away = point - mean_;
  const Eigen::MatrixXd next = (1.0 - gain) * (covariance_ + gain * away * away.transpose());
  const Eigen::LLT<Eigen::MatrixXd> factor(next);
  if (factor.info() != Eigen::Success || !next.allFinite()) return;
  mean_ += gain * away;
  covariance_ = next;
  root_ = factor.matrixL();
}

}  // namespace tenure::optim
