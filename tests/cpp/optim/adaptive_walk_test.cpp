#include "tenure/optim/adaptive_walk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tenure/support/random.hpp"

namespace tenure::optim {
namespace {

TEST(AdaptiveWalk, SamplesANormalOfUnequalScales) {
  // Standard deviations 0.01 and 10, correlation 0.9, from a guess that knows neither.
  const double s = 0.01, t = 10.0, rho = 0.9;
  const auto log_density = [&](const Eigen::VectorXd& x) {
    const double a = x[0] / s, b = x[1] / t;
    return -0.5 * (a * a - 2.0 * rho * a * b + b * b) / (1.0 - rho * rho);
  };
  AdaptiveWalk walk(Eigen::MatrixXd::Identity(2, 2));
  RandomStream random(9, 0);
  Eigen::VectorXd x = Eigen::VectorXd::Zero(2);
  double first = 0.0, second = 0.0, cross = 0.0, taken = 0.0;
  const int warmup = 20000, draws = 60000;
  for (int i = 0; i < warmup + draws; ++i) {
    const Eigen::VectorXd there = walk.propose(x, random);
    const double chance = std::min(1.0, std::exp(log_density(there) - log_density(x)));
    const bool takes = random.uniform() < chance;
    if (takes) x = there;
    if (i < warmup) {
      walk.learn(x, chance);
    } else {
      first += x[0] * x[0] / draws;
      second += x[1] * x[1] / draws;
      cross += x[0] * x[1] / draws;
      taken += takes ? 1.0 / draws : 0.0;
    }
  }
  // Autocorrelation leaves about 5,000 independent draws: a standard error of 2 %.
  EXPECT_NEAR(first / (s * s), 1.0, 0.1);
  EXPECT_NEAR(second / (t * t), 1.0, 0.1);
  EXPECT_NEAR(cross / (s * t), rho, 0.1);
  EXPECT_NEAR(taken, 0.35, 0.12);
}

}  // namespace
}  // namespace tenure::optim
