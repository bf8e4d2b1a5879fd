#include "tenure/churn/recalibration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Values = std::vector<double>;

double uniform(std::uint64_t& state) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<double>(state >> 11) * 0x1p-53;
}

/// Score equations at the coefficients as they are told: sums of residuals times columns.
double worst_score(const RecalibrationSample& s, const Recalibration& fit) {
  const std::size_t n = s.target.size(), k = s.columns.size() / n, shift = s.intercept ? 1 : 0;
  Values sum(k + shift, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    double eta = (s.offset.empty() ? 0.0 : s.offset[i]) + (s.intercept ? fit.coef[0] : 0.0);
    for (std::size_t j = 0; j < k; ++j) eta += s.columns[j * n + i] * fit.coef[j + shift];
    const double r =
        (s.weight.empty() ? 1.0 : s.weight[i]) * (s.target[i] - 1.0 / (1.0 + std::exp(-eta)));
    if (s.intercept) sum[0] += r;
    for (std::size_t j = 0; j < k; ++j) sum[j + shift] += r * s.columns[j * n + i];
  }
  double worst = 0.0;
  for (const double one : sum) worst = std::max(worst, std::abs(one));
  return worst / static_cast<double>(n);
}

TEST(Recalibration, OfAFlagAreTheLogOddsOfItsGroups) {
  // 1 of 4 and 3 of 4: by hand log(1/3), log 3 - log(1/3), errors from 1 / (n p q).
  const Values flag{0, 0, 0, 0, 1, 1, 1, 1}, target{1, 0, 0, 0, 1, 1, 1, 0};
  const auto fit = recalibrate({flag, {}, target, {}, true}, {});
  EXPECT_EQ(fit.status, optim::Status::converged);
  EXPECT_NEAR(fit.coef[0], -std::log(3.0), 1e-12);
  EXPECT_NEAR(fit.coef[1], 2.0 * std::log(3.0), 1e-12);
  EXPECT_NEAR(fit.covariance[0], 4.0 / 3.0, 1e-9);
  EXPECT_NEAR(fit.covariance[3], 8.0 / 3.0, 1e-9);
  EXPECT_NEAR(fit.covariance[1], -4.0 / 3.0, 1e-9);
}

TEST(Recalibration, OffsetsAloneLeaveAnIntercept) {
  const Values offset{1, 1, 1, 1}, target{1, 0, 1, 1};
  const auto fit = recalibrate({{}, offset, target, {}, true}, {});
  EXPECT_NEAR(fit.coef[0], std::log(3.0) - 1.0, 1e-12);
}

TEST(Recalibration, SolvesTheScoreEquationsOnAnyScaleAndThreadCount) {
  std::uint64_t state = 3;
  const std::size_t n = 20'000;
  Values columns(2 * n), offset(n), target(n), weight(n);
  for (std::size_t i = 0; i < n; ++i) {
    columns[i] = 1e-5 * (uniform(state) - 0.5) + 3e-5;
    columns[n + i] = 100.0 * uniform(state);
    offset[i] = uniform(state);
    target[i] = uniform(state) < 0.3 ? 1.0 : 0.25;
    weight[i] = 3.0 * uniform(state);
  }
  for (const bool intercept : {true, false}) {
    const RecalibrationSample sample{columns, offset, target, weight, intercept};
    const auto one = recalibrate(sample, {.threads = 1});
    EXPECT_EQ(one.status, optim::Status::converged);
    // The second column, of size 100, carries the rounding of its scale.
    EXPECT_LT(worst_score(sample, one), 1e-9);
    const auto three = recalibrate(sample, {.threads = 3});
    EXPECT_EQ(one.coef, three.coef);
    EXPECT_EQ(one.covariance, three.covariance);
  }
}

TEST(Recalibration, SeparatedClassesDoNotConverge) {
  const Values score{-2, -1, 1, 2}, target{0, 0, 1, 1};
  EXPECT_NE(recalibrate({score, {}, target, {}, true}, {}).status, optim::Status::converged);
}

TEST(Recalibration, BadCellsAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Values fine{1, 2}, target{0, 1};
  const auto said = [](const RecalibrationSample& sample) -> std::string {
    try {
      recalibrate(sample, {});
    } catch (const InvalidInput& error) {
      return error.argument() + " " + std::to_string(error.row());
    }
    return "nothing";
  };
  EXPECT_EQ(said({Values{1, nan}, {}, target, {}, true}), "columns 1");
  EXPECT_EQ(said({fine, Values{nan, 0}, target, {}, true}), "offset 0");
  EXPECT_EQ(said({fine, {}, Values{0, 1.5}, {}, true}), "target 1");
  EXPECT_EQ(said({fine, {}, target, Values{1, -1}, true}), "weight 1");
  EXPECT_EQ(said({fine, {}, target, Values{0, 0}, true}), "weight -1");
  EXPECT_EQ(said({Values{7, 7}, {}, target, {}, true}), "columns -1");
  EXPECT_EQ(said({Values{1, 2, 3}, {}, target, {}, true}), "columns -1");
  EXPECT_EQ(said({{}, {}, target, {}, false}), "columns -1");
  EXPECT_EQ(said({fine, Values{1}, target, {}, true}), "offset -1");
  EXPECT_EQ(said({fine, {}, {}, {}, true}), "target -1");
}

}  // namespace
}  // namespace tenure::churn
