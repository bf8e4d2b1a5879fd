#include "tenure/clv/contracts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using survival::BetaGeometric;
using survival::BetaWeibull;
using survival::DiscreteWeibull;

struct Customers {
  std::vector<double> renewals;
  std::vector<std::uint8_t> churned;
  std::vector<double> weight = {};

  RenewalHistory history() const {
    RenewalHistory h{renewals, churned};
    if (!weight.empty()) h.weight = weight;
    return h;
  }
};

const Customers kCustomers{{0, 1, 1, 4, 9, 9, 40}, {1, 0, 1, 1, 0, 1, 0}, {2, 1, 5, 0.5, 3, 1, 2}};

TEST(RenewalSample, CountsWhoIsKeptBetweenAgesSeen) {
  const RenewalSample s = sample_renewals(kCustomers.history(), {});
  EXPECT_EQ(s.customers, 14.5);
  EXPECT_EQ(s.lost, 8.5);
  EXPECT_EQ(s.renewals, 40);
  double at = 0.0;
  for (const auto& i : s.intervals) {
    EXPECT_EQ(i.from, at);  // in order and without a gap
    at = i.to;
  }
  EXPECT_EQ(at, 40.0);
  EXPECT_EQ(s.intervals.front().kept, 12.5);
  EXPECT_EQ(s.intervals.back().kept, 2.0);
}

TEST(ContractLikelihood, IsTheSumOverCustomers) {
  const BetaWeibull at{0.5, 0.9, 1.3};
  const auto share = [&](double n) { return std::exp(-survival::hazard_value(at, 0.0, n)); };
  double sum = 0.0;
  for (std::size_t i = 0; i < kCustomers.renewals.size(); ++i) {
    const double n = kCustomers.renewals[i];
    const double p = kCustomers.churned[i] ? share(n) - share(n + 1.0) : share(n);
    sum += kCustomers.weight[i] * std::log(p);
  }
  EXPECT_NEAR(contract_log_likelihood(at, kCustomers.history(), {}).value, sum, 1e-12);
}

TEST(ContractLikelihood, OfTheLargerModelAtOneIsThatOfTheSmaller) {
  const auto small = contract_log_likelihood(BetaGeometric{0.7, 1.2}, kCustomers.history(), {});
  const auto large = contract_log_likelihood(BetaWeibull{0.7, 1.2, 1.0}, kCustomers.history(), {});
  EXPECT_NEAR(large.value, small.value, 1e-12);
  EXPECT_NEAR(large.gradient[1], small.gradient[1], 1e-12);
  EXPECT_NEAR(large.hessian[4], small.hessian[3], 1e-12);
}

TEST(ContractFit, NamesWhatTheDataCannotTell) {
  const auto says = [](const Customers& c) -> std::string {
    try {
      fit_contract<BetaWeibull>(c.history(), {}, {});
    } catch (const InvalidInput& e) {
      return e.what();
    }
    return "nothing";
  };
  EXPECT_NE(says({{1, 2, 3}, {0, 0, 0}}).find("nobody churned"), std::string::npos);
  EXPECT_NE(says({{0, 0, 0}, {1, 1, 1}}).find("first renewal"), std::string::npos);
  EXPECT_NE(says({{0, 1, 2}, {1, 1, 0}}).find("cannot tell 3 parameters"), std::string::npos);
  EXPECT_NE(says({{0, 1.5, 2}, {1, 1, 0}}).find("renewals"), std::string::npos);
  EXPECT_NE(says({{0, 1}, {1, 1, 0}}).find("as many rows"), std::string::npos);
}

TEST(ContractResidual, AgreesWithAPlainSumOnBothSidesOfTheIntegral) {
  const DiscreteWeibull at{0.02, 0.8};
  for (const double n : {0.0, 7.0, 500.0})
    for (const double horizon : {1.0, 60.0, 3000.0}) {
      double sum = 0.0, weighted = 0.0;
      for (double k = 1.0; k <= horizon; ++k) {
        const double g = std::exp(-0.001 * (k - 1.0) - survival::hazard_value(at, n, k));
        sum += g;
        weighted += k * g;
      }
      const std::vector<double> rows{n};
      const auto residual = [&](ResidualQuantity q) {
        return contract_residual(at, rows, 0.001, horizon, q, {})[0];
      };
      EXPECT_NEAR(residual(ResidualQuantity::lifetime) / sum, 1.0, 1e-12) << n << " " << horizon;
      EXPECT_NEAR(residual(ResidualQuantity::elasticity) / (weighted / sum), 1.0, 1e-12);
    }
}

}  // namespace
}  // namespace tenure::clv
