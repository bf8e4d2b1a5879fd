#include "tenure/optim/adaptive_walk.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tenure::optim {
namespace {

/// Of random-walk proposals in a few dimensions. [Gelman, Roberts & Gilks 1996, table 1]
double best_acceptance(Eigen::Index dimensions) { return dimensions <= 2 ? 0.35 : 0.26; }

}  // namespace

AdaptiveWalk::AdaptiveWalk(Eigen::MatrixXd covariance)
    : covariance_(std::move(covariance)),
      root_(covariance_.llt().matrixL()),
      scale_(2.4 / std::sqrt(static_cast<double>(covariance_.rows()))) {}

Eigen::VectorXd AdaptiveWalk::propose(const Eigen::VectorXd& point, RandomStream& random) const {
  Eigen::VectorXd step(point.size());
  for (double& z : step) z = random.normal();
  return point + scale_ * (root_ * step);
}

void AdaptiveWalk::learn(const Eigen::VectorXd& point, double acceptance) {
  if (seen_++ == 0) mean_ = point;
  const double gain = std::pow(static_cast<double>(seen_) + 10.0, -0.6);
  scale_ *= std::exp(4.0 * gain * (acceptance - best_acceptance(point.size())));
  scale_ = std::clamp(scale_, 1e-6, 1e3);
  const Eigen::VectorXd away = point - mean_;
  mean_ += gain * away;
  const Eigen::MatrixXd next = (1.0 - gain) * covariance_ + gain * away * away.transpose();
  const Eigen::LLT<Eigen::MatrixXd> factor(next);
  // A chain that has not moved for long leaves no spread to learn from: the last one stays.
  if (factor.info() != Eigen::Success || !next.allFinite()) return;
  covariance_ = next;
  root_ = factor.matrixL();
}

}  // namespace tenure::optim
