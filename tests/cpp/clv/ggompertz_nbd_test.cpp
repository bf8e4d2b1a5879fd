#include "tenure/clv/ggompertz_nbd.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "../reference_table.hpp"
#include "simulated.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using tenure::testing::read_reference;
using testing::Columns;
using testing::simulate;

constexpr BgNbdParameters kBuyers{0.2425945, 4.4136, 0.792922, 2.4259};
constexpr GGompertzNbdParameters kUsual{0.55, 10.6, 0.05, 0.6, 0.4};

GGompertzNbdParameters point(std::span<const double> v) { return {v[0], v[1], v[2], v[3], v[4]}; }

std::array<double, 5> moved(const std::vector<double>& row, std::size_t i, double step) {
  std::array<double, 5> v;
  for (std::size_t k = 0; k < 5; ++k) v[k] = row[k] * (k == i ? std::exp(step) : 1.0);
  return v;
}

TEST(GGompertzNbdLikelihood, EqualsTheReferenceAndItsDerivativesItsDifferences) {
  const auto table = read_reference("clv_ggompertz_nbd_likelihood.csv");
  ASSERT_EQ(table.rows.size(), 500u);
  for (const auto& row : table.rows) {
    const Columns c{{row[5]}, {row[6]}, {row[7]}};
    const auto at = [&](std::span<const double> v) {
      return ggompertz_nbd_log_likelihood(point(v), c.view(), {});
    };
    const auto d = at(row);
    EXPECT_NEAR(d.value, row[8], 1e-12 * std::max(1.0, std::abs(row[8])));
    double steepest = 1e-3, sharpest = 1e-3;
    for (const double g : d.gradient) steepest = std::max(steepest, std::abs(g));
    for (const double h : d.hessian) sharpest = std::max(sharpest, std::abs(h));
    constexpr double kStep = 1e-4;
    for (std::size_t i = 0; i < 5; ++i) {
      const auto up = at(moved(row, i, kStep)), down = at(moved(row, i, -kStep));
      EXPECT_NEAR(d.gradient[i], (up.value - down.value) / (2 * kStep),
                  1e-7 * (steepest + sharpest + std::abs(d.value)));
      for (std::size_t j = 0; j < 5; ++j)
        EXPECT_NEAR(d.second(std::max(i, j), std::min(i, j)),
                    (up.gradient[j] - down.gradient[j]) / (2 * kStep),
                    1e-7 * (steepest + sharpest));
    }
  }
}

TEST(GGompertzNbdLikelihood, HasTheDerivativesOfTheReference) {
  const auto table = read_reference("clv_ggompertz_nbd_derivatives.csv");
  ASSERT_EQ(table.rows.size(), 130u);
  for (const auto& row : table.rows) {
    const Columns c{{row[5]}, {row[6]}, {row[7]}};
    const auto d = ggompertz_nbd_log_likelihood(point(row), c.view(), {});
    double steepest = 0.0, sharpest = 0.0;
    for (std::size_t i = 8; i < 13; ++i) steepest = std::max(steepest, std::abs(row[i]));
    for (std::size_t i = 13; i < 28; ++i) sharpest = std::max(sharpest, std::abs(row[i]));
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(d.gradient[i], row[8 + i], 1e-11 * std::max(1.0, steepest));
    for (std::size_t i = 0; i < 15; ++i)
      EXPECT_NEAR(d.hessian[i], row[13 + i], 1e-10 * std::max(1.0, sharpest));
  }
}

TEST(GGompertzNbdLikelihood, BecomesThatOfParetoNbd) {
  const Columns c = simulate(2000, kBuyers, 1);
  const auto pareto = pareto_nbd_log_likelihood({0.55, 10.6, 0.61, 11.7}, c.view(), {});
  const auto near = ggompertz_nbd_log_likelihood({0.55, 10.6, 1e-12, 0.61, 11.7e-12}, c.view(), {});
  EXPECT_NEAR(near.value, pareto.value, 1e-9 * std::abs(pareto.value));
  // r, alpha, s, and beta with b moving along.
  EXPECT_NEAR(near.gradient[0], pareto.gradient[0], 1e-6 * std::abs(pareto.value));
  EXPECT_NEAR(near.gradient[3], pareto.gradient[2], 1e-6 * std::abs(pareto.value));
  EXPECT_NEAR(near.gradient[4], pareto.gradient[3], 1e-6 * std::abs(pareto.value));
  EXPECT_NEAR(near.gradient[2], -near.gradient[4], 1e-6 * std::abs(pareto.value));
}

TEST(GGompertzNbdLikelihood, HasTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(20'000, kBuyers, 4);
  const auto one = ggompertz_nbd_log_likelihood(kUsual, c.view(), {.threads = 1});
  const auto three = ggompertz_nbd_log_likelihood(kUsual, c.view(), {.threads = 3});
  EXPECT_EQ(one.value, three.value);
  EXPECT_EQ(one.gradient, three.gradient);
  EXPECT_EQ(one.hessian, three.hessian);
}

TEST(GGompertzNbdPredictions, EqualTheReference) {
  const auto table = read_reference("clv_ggompertz_nbd_predictions.csv");
  ASSERT_EQ(table.rows.size(), 120u);
  for (const auto& row : table.rows) {
    const Columns c{{row[5]}, {row[6]}, {row[7]}};
    const double horizon = row[8], rate = row[9], alive = row[10];
    const auto p = point(row);
    EXPECT_NEAR(ggompertz_nbd_probability_alive(p, c.view(), {})[0], alive,
                1e-13 * alive * (1.0 - std::log(alive)));
    const auto expected = [&](double r) {
      return ggompertz_nbd_expected_purchases(p, c.view(), horizon, r, {})[0];
    };
    EXPECT_NEAR(expected(0.0), row[11], 2e-12 * row[11]);
    EXPECT_NEAR(expected(rate), row[12], 2e-12 * row[12]);
  }
}

TEST(GGompertzNbdCounts, AddUpToOneAndToTheExpectation) {
  std::vector<double> n(2000);
  for (std::size_t i = 0; i < n.size(); ++i) n[i] = static_cast<double>(i);
  for (const auto& p : {kUsual, GGompertzNbdParameters{0.55, 10.6, 0.3, 2.0, 500.0},
                        GGompertzNbdParameters{0.55, 10.6, 1e-9, 0.6, 11.7e-9}}) {
    const auto chance = ggompertz_nbd_pmf(p, n, 39.0, {.threads = 2});
    double total = 0.0, mean = 0.0;
    for (std::int64_t i = 0; i < chance.size(); ++i) {
      total += chance[i];
      mean += static_cast<double>(i) * chance[i];
    }
    EXPECT_NEAR(total, 1.0, 1e-12);
    const double expected = ggompertz_nbd_expected_purchases_new(p, std::vector{39.0}, {})[0];
    EXPECT_NEAR(mean, expected, 1e-11 * expected);
  }
}

TEST(GGompertzNbdCounts, AddUpTheChancesOfEachCustomer) {
  const Columns c = simulate(200, kBuyers, 8);
  const std::vector<double> n{0, 1, 2, 3, 4, 5, 6};
  const auto counts = ggompertz_nbd_frequency_counts(kUsual, c.age, std::nullopt, 7, {});
  std::vector<double> sum(8, 0.0);
  for (const double age : c.age) {
    const auto chance = ggompertz_nbd_pmf(kUsual, n, age, {});
    double told = 0.0;
    for (std::size_t k = 0; k < 7; ++k) sum[k] += chance[static_cast<std::int64_t>(k)];
    for (const double v : chance.span()) told += v;
    sum[7] += 1.0 - told;
  }
  for (std::size_t k = 0; k < 8; ++k) EXPECT_NEAR(counts[k], sum[k], 1e-10 * 200);
}

TEST(GGompertzNbd, NamesWhatIsWrong) {
  const Columns c = simulate(10, kBuyers, 8);
  EXPECT_THROW(ggompertz_nbd_log_likelihood({0.5, 10.0, 0.0, 0.5, 1.0}, c.view(), {}),
               InvalidInput);
  EXPECT_THROW(ggompertz_nbd_log_likelihood({0.5, 10.0, 1e-200, 0.5, 1e200}, c.view(), {}),
               InvalidInput);
  EXPECT_THROW(ggompertz_nbd_expected_purchases(kUsual, c.view(), 10.0, -0.1, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure::clv
