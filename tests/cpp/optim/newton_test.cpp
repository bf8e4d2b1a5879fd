#include "tenure/optim/newton.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tenure::optim {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Evaluation one_dimension(double value, double slope, double curvature) {
  return {value, {slope}, {curvature}};
}

Evaluation rosenbrock(std::span<const double> p) {
  const double x = p[0], y = p[1], d = y - x * x;
  return {(1 - x) * (1 - x) + 100 * d * d,
          {-2 * (1 - x) - 400 * x * d, 200 * d},
          {2 - 400 * d + 800 * x * x, -400 * x, -400 * x, 200}};
}

TEST(Newton, SolvesAQuadraticInOneStep) {
  // (x - 3)^2 + (x - 3)(y + 1) + 2 (y + 1)^2
  const auto f = [](std::span<const double> p) -> Evaluation {
    const double a = p[0] - 3, b = p[1] + 1;
    return {a * a + a * b + 2 * b * b, {2 * a + b, a + 4 * b}, {2, 1, 1, 4}};
  };
  const Result r = newton(f, {2.5, -0.5});
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_EQ(r.iterations, 2);
  EXPECT_NEAR(r.point[0], 3.0, 1e-14);
  EXPECT_NEAR(r.point[1], -1.0, 1e-14);
  // Inverse of {{2, 1}, {1, 4}} by hand; eigenvalues 3 -+ sqrt(2).
  EXPECT_NEAR(r.inverse_hessian[0], 4.0 / 7.0, 1e-14);
  EXPECT_NEAR(r.inverse_hessian[1], -1.0 / 7.0, 1e-14);
  EXPECT_NEAR(r.inverse_hessian[3], 2.0 / 7.0, 1e-14);
  EXPECT_NEAR(r.eigenvalues[0], 3.0 - std::sqrt(2.0), 1e-14);
  EXPECT_NEAR(r.eigenvalues[1], 3.0 + std::sqrt(2.0), 1e-14);
}

TEST(Newton, TakesTheLastStepToo) {
  // exp(x) - 2x: an error e becomes e^2 / 2, so that the test stops at 3e-7 and the answer is
  // there.
  const auto f = [](std::span<const double> p) {
    return one_dimension(std::exp(p[0]) - 2 * p[0], std::exp(p[0]) - 2, std::exp(p[0]));
  };
  const double best = std::log(2.0);
  const Result r = newton(f, {best + 0.04}, {.tolerance = 1e-6});
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_GT(r.gradient_norm, 1e-7);
  EXPECT_NEAR(r.point[0], best, 1e-12);
  EXPECT_NEAR(r.at.value, 2 - 2 * best, 1e-15);
}

TEST(Newton, FollowsACurvedValley) {
  const Result r = newton(rosenbrock, {-1.2, 1.0});
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_NEAR(r.point[0], 1.0, 1e-9);
  EXPECT_NEAR(r.point[1], 1.0, 1e-9);
  EXPECT_LE(r.gradient_norm, 1e-9);
  EXPECT_LT(r.iterations, 40);
}

TEST(Newton, LeavesAConcaveRegionDownhill) {
  // x^4/4 - x^2/2 + y^2/2: the Hessian is indefinite for |x| < 0.57, the minima lie at x = +-1.
  const auto f = [](std::span<const double> p) -> Evaluation {
    const double x = p[0], y = p[1];
    return {
        x * x * x * x / 4 - x * x / 2 + y * y / 2, {x * x * x - x, y}, {3 * x * x - 1, 0, 0, 1}};
  };
  const Result r = newton(f, {0.01, 2.0});
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_NEAR(r.point[0], 1.0, 1e-9);
  EXPECT_GT(r.eigenvalues[0], 0.0);
}

TEST(Newton, ANonFiniteValueShrinksTheStep) {
  // x - log(x)/10, undefined for x <= 0: from 0.9 the first step ends at -0.1.
  int refused = 0;
  const auto f = [&refused](std::span<const double> p) {
    const double x = p[0];
    if (x <= 0) ++refused;
    return x <= 0 ? one_dimension(kNaN, kNaN, kNaN)
                  : one_dimension(x - 0.1 * std::log(x), 1 - 0.1 / x, 0.1 / (x * x));
  };
  const Result r = newton(f, {0.9});
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_NEAR(r.point[0], 0.1, 1e-10);
  EXPECT_GT(refused, 0);
}

TEST(Newton, ARunawayCoordinateIsABoundary) {
  // exp(-x) falls for ever: its gradient becomes as small as one likes, and is no optimum.
  const auto f = [](std::span<const double> p) {
    const double e = std::exp(-p[0]);
    return one_dimension(e, -e, e);
  };
  EXPECT_EQ(newton(f, {0.0}).status, Status::boundary);
  EXPECT_EQ(newton(f, {15.0}).status, Status::boundary);
}

TEST(Newton, AFlatDirectionIsABoundary) {
  const auto f = [](std::span<const double> p) -> Evaluation {
    return {p[0] * p[0], {2 * p[0], 0.0}, {2, 0, 0, 0}};
  };
  const Result r = newton(f, {1.0, 1.0});
  EXPECT_EQ(r.status, Status::boundary);
  EXPECT_TRUE(std::isnan(r.inverse_hessian[0]));
}

TEST(Newton, StopsWithinTheBudget) {
  const Result r = newton(rosenbrock, {-1.2, 1.0}, {.max_iterations = 5});
  EXPECT_EQ(r.status, Status::max_iterations);
  EXPECT_EQ(r.iterations, 5);
  EXPECT_GT(r.gradient_norm, 1e-3);
}

TEST(Newton, AKinkStalls) {
  // |x| + x^2: no gradient at 0 is small.
  const auto f = [](std::span<const double> p) {
    return one_dimension(std::abs(p[0]) + p[0] * p[0], (p[0] < 0 ? -1 : 1) + 2 * p[0], 2.0);
  };
  const Result r = newton(f, {0.3});
  EXPECT_EQ(r.status, Status::stalled);
  EXPECT_GT(r.gradient_norm, 0.5);
}

TEST(Newton, AnUndefinedStartStalls) {
  const auto f = [](std::span<const double>) { return one_dimension(kNaN, 0.0, 1.0); };
  const Result r = newton(f, {1.0});
  EXPECT_EQ(r.status, Status::stalled);
  EXPECT_TRUE(r.eigenvalues.empty());
}

TEST(Newton, NoToleranceMakesALargeGradientAnOptimum) {
  const Result r = newton(rosenbrock, {-1.2, 1.0}, {.tolerance = 1e3});
  EXPECT_EQ(r.status, Status::converged);
  EXPECT_LE(r.gradient_norm, kHonestGradient);
}

TEST(Newton, TriesTheNextStart) {
  // x^2 exp(-x): a minimum at 0, and a slope that never ends behind the hill at 2.
  const auto f = [](std::span<const double> p) {
    const double x = p[0], e = std::exp(-x);
    return one_dimension(x * x * e, (2 * x - x * x) * e, (2 - 4 * x + x * x) * e);
  };
  const Result lost = newton_from(f, {{3.0}});
  EXPECT_EQ(lost.status, Status::boundary);
  const Result found = newton_from(f, {{3.0}, {0.5}, {0.4}});
  EXPECT_EQ(found.status, Status::converged);
  EXPECT_NEAR(found.point[0], 0.0, 1e-9);
  EXPECT_GT(found.iterations, lost.iterations);
}

}  // namespace
}  // namespace tenure::optim
