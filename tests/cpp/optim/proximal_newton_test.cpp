#include "tenure/optim/proximal_newton.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace tenure::optim {
namespace {

/// (u - c)' H (u - c) / 2.
Objective quadratic(std::vector<double> h, std::vector<double> c) {
  return [=](std::span<const double> u) {
    const std::size_t n = c.size();
    Evaluation e{0.0, std::vector<double>(n, 0.0), h};
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) e.gradient[i] += h[i * n + j] * (u[j] - c[j]);
      e.value += 0.5 * e.gradient[i] * (u[i] - c[i]);
    }
    return e;
  };
}

TEST(ProximalNewton, SoftensTheSolutionOfADiagonalQuadratic) {
  // Each coordinate by itself: sign(c) max(0, |c| - l1 / h).
  const auto f = quadratic({2, 0, 0, 0, 4, 0, 0, 0, 1}, {3.0, 0.2, -5.0});
  const std::vector<double> l1{1.0, 1.0, 2.0};
  const Result r = proximal_newton(f, {0.0, 0.0, 0.0}, l1);
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_NEAR(r.point[0], 2.5, 1e-14);
  EXPECT_EQ(r.point[1], 0.0);
  EXPECT_NEAR(r.point[2], -3.0, 1e-14);
  EXPECT_LE(r.gradient_norm, 1e-9);
  EXPECT_EQ(r.eigenvalues, (std::vector<double>{1.0, 2.0}));
  EXPECT_TRUE(std::isnan(r.inverse_hessian[0]));
}

TEST(ProximalNewton, FollowsCoordinatesWithoutAnAbsoluteValueExactly) {
  // By hand: u2 stays 0 while |g2| = |-1 + 0.5 u1| <= l1, and then u1 = 2.
  const auto f = [](std::span<const double> u) {
    return Evaluation{0.5 * u[0] * u[0] - 2.0 * u[0] + u[1] * u[1] - u[1] + 0.5 * u[0] * u[1],
                      {u[0] - 2.0 + 0.5 * u[1], 2.0 * u[1] - 1.0 + 0.5 * u[0]},
                      {1.0, 0.5, 0.5, 2.0}};
  };
  const std::vector<double> none{0.0, 0.0}, some{0.0, 0.1}, few{0.0, 0.01};
  const Result zero = proximal_newton(f, {5.0, 5.0}, some);
  EXPECT_NEAR(zero.point[0], 2.0, 1e-12);
  EXPECT_NEAR(zero.point[1], 0.0, 1e-12);
  const Result plain = proximal_newton(f, {5.0, 5.0}, none);
  EXPECT_NEAR(plain.point[0], 2.0, 1e-12);
  EXPECT_NEAR(plain.point[1], 0.0, 1e-12);
  EXPECT_EQ(plain.status, Status::converged);
}

TEST(ProximalNewton, LeavesARegionThatCurvesDown) {
  // (u^2 - 1)^2 + |u| l1 / ...: a maximum at 0, optimum where 4 u (u^2 - 1) + 0.5 = 0.
  const auto f = [](std::span<const double> u) {
    const double v = u[0] * u[0] - 1.0;
    return Evaluation{v * v, {4.0 * u[0] * v}, {12.0 * u[0] * u[0] - 4.0}};
  };
  const std::vector<double> l1{0.5};
  const Result r = proximal_newton(f, {0.3}, l1);
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_NEAR(4.0 * r.point[0] * (r.point[0] * r.point[0] - 1.0) + 0.5, 0.0, 1e-9);
}

TEST(ProximalNewton, TellsACoordinateThatRunsAway) {
  const auto f = [](std::span<const double> u) {
    const double v = std::exp(-u[0]);
    return Evaluation{v + u[1] * u[1], {-v, 2.0 * u[1]}, {v, 0.0, 0.0, 2.0}};
  };
  const std::vector<double> l1{0.0, 1.0};
  EXPECT_EQ(proximal_newton(f, {0.0, 1.0}, l1).status, Status::boundary);
}

TEST(ProximalNewton, StepsBackFromWhatIsNoNumber) {
  const auto f = [](std::span<const double> u) {
    if (u[0] <= 0.0) {
      const double nan = std::numeric_limits<double>::quiet_NaN();
      return Evaluation{nan, {nan}, {nan}};
    }
    return Evaluation{u[0] - std::log(u[0]), {1.0 - 1.0 / u[0]}, {1.0 / (u[0] * u[0])}};
  };
  const std::vector<double> l1{1.0};
  const Result r = proximal_newton(f, {6.0}, l1);
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_NEAR(r.point[0], 0.5, 1e-9);
  EXPECT_EQ(proximal_newton(f, {-1.0}, l1).status, Status::stalled);
}

TEST(ProximalNewton, KeepsItsBudget) {
  const auto f = quadratic({1.0}, {2.0});
  const std::vector<double> l1{0.5};
  const Result r = proximal_newton(f, {0.0}, l1, {.max_iterations = 1});
  EXPECT_EQ(r.status, Status::max_iterations);
  EXPECT_EQ(r.iterations, 1);
}

TEST(OptimalityGap, IsTheDistanceOfTheGradientFromThePenalty) {
  const std::vector<double> point{1.0, 0.0, 0.0, -2.0}, gradient{-0.5, 0.3, -0.9, 0.7};
  const std::vector<double> l1{0.5, 0.5, 0.5, 0.5};
  EXPECT_NEAR(optimality_gap(point, gradient, l1), 0.4, 1e-15);
}

}  // namespace
}  // namespace tenure::optim
