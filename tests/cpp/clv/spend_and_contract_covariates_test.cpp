#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tenure/clv/contract_covariates.hpp"
#include "tenure/clv/gamma_gamma_covariates.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using survival::BetaGeometric;

/// Customers with one column, drawn from a few values or from all numbers.
struct Contracts {
  std::vector<double> renewals, z;
  std::vector<std::uint8_t> churned;
  std::vector<std::int64_t> column{0, 0};
  std::vector<double> sign{1, 0, 0, 1};

  Contracts(std::int64_t n, bool few) {
    std::mt19937_64 random(3);
    const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
    for (std::int64_t i = 0; i < n; ++i) {
      z.push_back(few ? std::floor(3.0 * uniform()) : 2.0 * uniform() - 1.0);
      const double leave = 0.1 + 0.2 * uniform() + 0.05 * z.back();
      double life = 0.0;
      const double seen = 1.0 + std::floor(8.0 * uniform());
      while (life < seen && uniform() > leave) ++life;
      renewals.push_back(life);
      churned.push_back(life < seen);
    }
  }
  RenewalHistory history() const { return {renewals, churned, {}}; }
  Effects effects() const { return {z, 1, column, sign}; }
};

TEST(ContractCovariates, CoefficientsOfZeroAreTheModelWithout) {
  const BetaGeometric at{0.7, 2.0};
  const std::vector<double> none{0.0, 0.0};
  for (const bool few : {true, false}) {
    const Contracts c(3000, few);
    const auto with = contract_covariate_log_likelihood(at, none, c.history(), c.effects(), {1});
    const auto without = contract_log_likelihood(at, c.history(), {1});
    EXPECT_NEAR(with.value, without.value, 1e-10 * std::abs(without.value));
    for (std::size_t q = 0; q < 2; ++q)
      EXPECT_NEAR(with.gradient[q], without.gradient[q], 1e-9 * std::abs(without.value));
    EXPECT_NEAR(with.hessian[1], without.hessian[1], 1e-9 * std::abs(without.value));
  }
}

TEST(ContractCovariates, SameBitsForAnyNumberOfThreads) {
  for (const bool few : {true, false}) {
    const Contracts c(6000, few);
    const auto fit = [&](int threads) {
      return fit_contract_with_covariates({0.5, 1.5}, c.history(), c.effects(), {}, {threads});
    };
    const Fit one = fit(1);
    EXPECT_EQ(one.status, optim::Status::converged);
    for (const int threads : {2, 5}) {
      EXPECT_EQ(fit(threads).parameters, one.parameters);
      EXPECT_EQ(fit(threads).log_covariance, one.log_covariance);
    }
  }
}

TEST(ContractCovariates, NamesTheRow) {
  const std::vector<double> some{0.1, 0.2};
  Contracts c(50, false);
  c.z[17] = std::numeric_limits<double>::infinity();
  try {
    (void)contract_covariate_log_likelihood({1.0, 1.0}, some, c.history(), c.effects(), {1});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.row(), 17);
  }
  c.z[17] = 1e6;
  try {
    (void)contract_covariate_lifetime({1.0, 1.0}, some, c.effects(), 0.1, 9.0, {1});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.row(), 17);
  }
  c.sign[0] = 0.5;
  EXPECT_THROW((void)contract_covariate_lifetime({1.0, 1.0}, some, c.effects(), 0.1, 9.0, {1}),
               InvalidInput);
}

TEST(SpendCovariates, CoefficientsOfZeroAreTheModelWithout) {
  const std::vector<double> x{1, 3, 0, 9, 2}, m{20.0, 31.5, 0.0, 12.25, 80.0};
  const std::vector<double> z{0.5, -1.0, 2.0, 0.0, 1.0}, none{0.0};
  const ObservedSpend spend{x, m, {}};
  const GammaGammaParameters at{6.0, 4.0, 15.0};
  const auto with = gamma_gamma_covariate_log_likelihood(at, none, spend, {z, 1}, {1});
  const auto without = gamma_gamma_log_likelihood(at, spend, {1});
  EXPECT_NEAR(with.value, without.value, 1e-12 * std::abs(without.value));
  for (std::size_t q = 0; q < 3; ++q) EXPECT_NEAR(with.gradient[q], without.gradient[q], 1e-11);
  const auto one = gamma_gamma_covariate_expected_spend(at, none, spend, {z, 1}, {1});
  const auto other = gamma_gamma_expected_spend(at, spend, {1});
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(one[i], other[i]);
}

TEST(SpendCovariates, MultiplyTheMeanOfANewCustomer) {
  const std::vector<double> x{0, 0}, m{0, 0}, z{1.0, 3.0}, c{0.25};
  const auto spend =
      gamma_gamma_covariate_expected_spend({6.0, 4.0, 15.0}, c, {x, m, {}}, {z, 1}, {1});
  EXPECT_NEAR(spend[0], 30.0 * std::exp(0.25), 1e-12);
  EXPECT_NEAR(spend[1] / spend[0], std::exp(0.5), 1e-14);
}

TEST(SpendCovariates, NameTheRow) {
  const std::vector<double> x{1, 2}, m{5.0, 6.0}, c{1.0};
  std::vector<double> z{0.0, std::numeric_limits<double>::quiet_NaN()};
  try {
    (void)gamma_gamma_covariate_log_likelihood({6.0, 4.0, 15.0}, c, {x, m, {}}, {z, 1}, {1});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.row(), 1);
  }
  z[1] = 1e6;
  EXPECT_THROW(
      (void)gamma_gamma_covariate_expected_spend({6.0, 4.0, 15.0}, c, {x, m, {}}, {z, 1}, {1}),
      InvalidInput);
}

}  // namespace
}  // namespace tenure::clv
