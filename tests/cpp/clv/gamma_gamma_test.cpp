#include "tenure/clv/gamma_gamma.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "../reference_table.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

struct Columns {
  std::vector<double> x, m;
  ObservedSpend view() const { return {x, m}; }
};

Columns simulate(int n, const GammaGammaParameters& c, std::uint64_t seed) {
  Columns s;
  for (int i = 0; i < n; ++i) {
    RandomStream random(seed, static_cast<std::uint64_t>(i));
    const double x = static_cast<double>(random.below(8));
    const double nu = random.gamma(c.q) / c.gamma;
    s.x.push_back(x);
    s.m.push_back(x > 0 ? random.gamma(c.p * x) / (nu * x) : std::nan(""));
  }
  return s;
}

TEST(GammaGammaLikelihood, EqualsTheReferenceWithItsDerivatives) {
  const auto table = testing::read_reference("clv_gamma_gamma_likelihood.csv");
  ASSERT_EQ(table.rows.size(), 250u);
  for (const auto& row : table.rows) {
    const std::vector<double> x{row[3]}, m{row[4]};
    const auto d = gamma_gamma_log_likelihood({row[0], row[1], row[2]}, {x, m}, Execution{});
    EXPECT_NEAR(d.value, row[5], 5e-12 * std::max(1.0, std::abs(row[5])));
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(d.gradient[i], row[6 + i], 1e-11 * std::max(1.0, std::abs(row[6 + i])));
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_NEAR(d.hessian[i], row[9 + i], 1e-11 * std::max(1.0, std::abs(row[9 + i])));
  }
}

TEST(GammaGammaFit, RecoversTheTruthWithTheSameBitsForEveryThreadCount) {
  const GammaGammaParameters truth{6.0, 4.0, 15.0};
  const Columns s = simulate(100'000, truth, 1);
  const auto one = fit_gamma_gamma(s.view(), {}, {.threads = 1});
  ASSERT_EQ(one.status, optim::Status::converged);
  EXPECT_NEAR(one.parameters[0] / truth.p, 1.0, 0.1);
  EXPECT_NEAR(one.parameters[1] / truth.q, 1.0, 0.05);
  EXPECT_NEAR(one.parameters[2] / truth.gamma, 1.0, 0.15);
  const auto three = fit_gamma_gamma(s.view(), {}, {.threads = 3});
  EXPECT_EQ(one.parameters, three.parameters);
  EXPECT_EQ(one.log_likelihood, three.log_likelihood);

  const GammaGammaParameters at{one.parameters[0], one.parameters[1], one.parameters[2]};
  const auto d = gamma_gamma_log_likelihood(at, s.view(), {.threads = 2});
  EXPECT_NEAR(d.value, one.log_likelihood, 1e-10 * std::abs(d.value));
  for (const double g : d.gradient) EXPECT_LT(std::abs(g), 1e-8 * one.customers);
}

TEST(GammaGammaFit, CountsTheRowsThatTellNothing) {
  Columns s = simulate(500, {6.0, 4.0, 15.0}, 2);
  const auto plain = fit_gamma_gamma(s.view(), {}, {});
  for (const double m : {0.0, -5.0}) {
    s.x.push_back(2.0);
    s.m.push_back(m);
  }
  s.x.push_back(0.0);
  s.m.push_back(30.0);
  const auto more = fit_gamma_gamma(s.view(), {}, {});
  EXPECT_EQ(more.excluded, plain.excluded + 3);
  EXPECT_EQ(more.parameters, plain.parameters);
}

TEST(GammaGammaSpend, IsThePosteriorMean) {
  const GammaGammaParameters c{6.25, 3.74, 15.44};
  const std::vector<double> x{0, 2, 2, 1e6}, m{std::nan(""), 40.0, -1.0, 40.0};
  const auto spend = gamma_gamma_expected_spend(c, {x, m}, {});
  const double everyone = 6.25 * 15.44 / 2.74;
  EXPECT_NEAR(spend[0], everyone, 1e-13);
  // (q - 1) parts of everyone's and p x parts of the customer's own mean.
  EXPECT_NEAR(spend[1], (2.74 * everyone + 12.5 * 40.0) / (2.74 + 12.5), 1e-13);
  EXPECT_EQ(spend[2], spend[0]);
  EXPECT_NEAR(spend[3], 40.0, 1e-4);
  const auto infinite = gamma_gamma_expected_spend({0.2, 0.5, 1.0}, {x, m}, {});
  EXPECT_TRUE(std::isinf(infinite[0]));
  EXPECT_TRUE(std::isinf(infinite[1]));
  EXPECT_TRUE(std::isfinite(infinite[3]));
}

TEST(GammaGamma, NamesTheBadRow) {
  const auto refuse = [](Columns s, const char* argument, std::int64_t row) {
    try {
      fit_gamma_gamma(s.view(), {}, {});
      ADD_FAILURE() << argument;
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.argument(), argument);
      EXPECT_EQ(e.row(), row);
    }
  };
  refuse({{1, 1.5}, {1, 1}}, "frequency", 1);
  refuse({{1, 1}, {1, std::nan("")}}, "monetary_value", 1);
  refuse({{1, 1}, {1, INFINITY}}, "monetary_value", 1);
  refuse({{1, 1}, {1}}, "monetary_value", -1);
  refuse({{0, 0}, {1, 1}}, "monetary_value", -1);
  refuse({{}, {}}, "monetary_value", -1);
}

}  // namespace
}  // namespace tenure::clv
