#pragma once
#include <Eigen/Dense>

#include "tenure/support/random.hpp"

namespace tenure::optim {

/// Proposals of an independence Metropolis chain, from a multivariate t distribution whose centre
/// and spread learn while it warms up: where the target is like one, a chain forgets within a few
/// draws. [Tierney 1994, Annals of Statistics 22:1701-1762; Roberts & Rosenthal 2009, J.
/// Computational and Graphical Statistics 18:349-367]
///
/// As with AdaptiveWalk, who accepts is the caller's affair: with the ratio of the target times
/// `log_density` here less there. `learn` is called while the chain may still adapt, and never
/// afterwards.
class AdaptiveJump {
 public:
  /// The first guess, `covariance` n x n and positive definite; it weighs as much as 20 points a
  /// dimension.
  AdaptiveJump(Eigen::VectorXd mean, Eigen::MatrixXd covariance);

  Eigen::VectorXd propose(RandomStream& random) const;

  /// Of a proposal, up to a constant.
  double log_density(const Eigen::VectorXd& point) const;

  /// `point`: where the chain now is.
  void learn(const Eigen::VectorXd& point);

 private:
  Eigen::VectorXd mean_;
  Eigen::MatrixXd covariance_, root_;
  double seen_;
};

}  // namespace tenure::optim
