#include "tenure/optim/adaptive_jump.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tenure/support/random.hpp"

namespace tenure::optim {
namespace {

Eigen::Vector2d mean() { return {3.0, -1.0}; }

Eigen::Matrix2d covariance() {
  Eigen::Matrix2d m;
  m << 4.0, -0.9, -0.9, 0.25;
  return m;
}

/// The largest distance of an empirical distribution from the even one.
double distance_from_even(std::vector<double> shares) {
  std::ranges::sort(shares);
  const auto n = static_cast<double>(shares.size());
  double farthest = 0.0;
  for (std::size_t i = 0; i < shares.size(); ++i)
    farthest = std::max(farthest, std::abs(shares[i] - (static_cast<double>(i) + 0.5) / n));
  return farthest;
}

TEST(AdaptiveJump, ProposesFromTheDensityThatItStates) {
  // Of a t distribution of 5 degrees in the plane, (1 + d^2/5)^(-5/2) is P(farther out), and a
  // power of the density.
  const AdaptiveJump jump(mean(), covariance());
  RandomStream random(4, 0);
  std::vector<double> farther;
  for (int i = 0; i < 20000; ++i)
    farther.push_back(std::exp(5.0 / 7.0 * jump.log_density(jump.propose(random))));
  EXPECT_LT(distance_from_even(farther), 1.95 / std::sqrt(20000.0));  // wrong once in 1,000
}

TEST(AdaptiveJump, SamplesASkewedTarget) {
  // A gamma variable of shape 2 in its logarithm, beside a normal one that depends on it.
  const auto log_density = [](const Eigen::VectorXd& x) {
    const double away = x[1] - 0.5 * x[0] * x[0];
    return 2.0 * x[0] - std::exp(x[0]) - 0.5 * away * away;
  };
  AdaptiveJump jump(Eigen::Vector2d(2.0, 3.0), Eigen::Matrix2d::Identity());
  RandomStream random(7, 0);
  Eigen::VectorXd x = Eigen::VectorXd::Zero(2);
  std::vector<double> shares, normals;
  const int warmup = 5000, draws = 60000, apart = 20;
  int taken = 0;
  for (int i = 0; i < warmup + draws; ++i) {
    const Eigen::VectorXd there = jump.propose(random);
    const double gain =
        (log_density(there) - log_density(x)) + (jump.log_density(x) - jump.log_density(there));
    if (random.uniform() < std::exp(std::min(0.0, gain))) {
      x = there;
      if (i >= warmup) ++taken;
    }
    if (i < warmup) {
      jump.learn(x);
    } else if (i % apart == 0) {
      const double g = std::exp(x[0]);
      shares.push_back(1.0 - (1.0 + g) * std::exp(-g));
      normals.push_back(0.5 * std::erfc(-(x[1] - 0.5 * x[0] * x[0]) / std::sqrt(2.0)));
    }
  }
  const double band = 1.95 / std::sqrt(static_cast<double>(draws) / apart);
  EXPECT_LT(distance_from_even(shares), band);
  EXPECT_LT(distance_from_even(normals), band);
  EXPECT_GT(taken, draws / 3);  // what it learnt fits: so far apart, draws forget each other
}

TEST(AdaptiveJump, LearnsWhereAndHowWideTheTargetIs) {
  AdaptiveJump jump(Eigen::Vector2d::Zero(), Eigen::Matrix2d::Identity());
  RandomStream random(5, 0);
  const Eigen::Matrix2d root = covariance().llt().matrixL();
  for (int i = 0; i < 40000; ++i) {
    const Eigen::Vector2d normal(random.normal(), random.normal());
    jump.learn(mean() + root * normal);
  }
  // Its log density is a function of the distance: equal where a distance is equal, largest in the
  // middle. The first guess weighs 40 of 40,040; draws add 1/200 of a standard deviation.
  const auto at = [&](double a, double b) {
    return jump.log_density(mean() + root * Eigen::Vector2d(a, b));
  };
  EXPECT_NEAR(at(0.0, 0.0), 0.0, 0.001);
  const double one = -3.5 * std::log1p(1.0 / 5.0);
  for (const double sign : {-1.0, 1.0}) {
    EXPECT_NEAR(at(sign, 0.0), one, 0.05);
    EXPECT_NEAR(at(0.0, sign), one, 0.05);
  }
}

TEST(AdaptiveJump, KeepsWhatItKnowsWhenAPointIsNoNumber) {
  AdaptiveJump jump(mean(), covariance());
  const double before = jump.log_density(Eigen::Vector2d::Zero());
  jump.learn(Eigen::Vector2d(std::nan(""), 0.0));
  EXPECT_EQ(jump.log_density(Eigen::Vector2d::Zero()), before);
}

}  // namespace
}  // namespace tenure::optim
