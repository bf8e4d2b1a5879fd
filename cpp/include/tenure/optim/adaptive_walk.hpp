#pragma once
#include <Eigen/Dense>
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/random.hpp"

namespace tenure::optim {

/// Proposals of a random-walk Metropolis chain whose covariance and scale learn while it warms up.
/// [Haario, Saksman & Tamminen 2001, Bernoulli 7:223-242; Andrieu & Thoms 2008, Statistics and
/// Computing 18:343-373, algorithm 4]
///
/// The walk proposes; who accepts is the caller's affair. `learn` is called once after each
/// proposal while the chain may still adapt, and never afterwards: then the chain is Markov.
class AdaptiveWalk {
 public:
  /// `covariance`: n x n, positive definite, the first guess.
  explicit AdaptiveWalk(Eigen::MatrixXd covariance);

  /// point + scale * root * normal.
  Eigen::VectorXd propose(const Eigen::VectorXd& point, RandomStream& random) const;

  /// `point`: where the chain now is; `acceptance`: the probability with which the last proposal
  /// was taken, in [0, 1].
  void learn(const Eigen::VectorXd& point, double acceptance);

  double scale() const { return scale_; }

 private:
  Eigen::MatrixXd covariance_, root_;
  Eigen::VectorXd mean_;
  double scale_;
  std::int64_t seen_ = 0;
};

}  // namespace tenure::optim
