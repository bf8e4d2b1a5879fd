#include "tenure/clv/prepared.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "simulated.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/contracts.hpp"
#include "tenure/clv/gamma_gamma.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"

namespace tenure::clv {
namespace {

using testing::simulate;

constexpr BgNbdParameters kCdnow{0.2425945, 4.4136, 0.792922, 2.4259};

/// Value, gradient and Hessian in the logarithms are those of the log-likelihood.
void expect_same(const PreparedLikelihood& prepared, const std::vector<double>& at,
                 const optim::Evaluation& expected) {
  std::vector<double> u;
  for (const double p : at) u.push_back(std::log(p));
  const auto both = prepared.at(u, Order::second, Execution{});
  const auto slopes = prepared.at(u, Order::first, Execution{});
  EXPECT_NEAR(both.value, expected.value, 1e-12 * std::abs(expected.value));
  EXPECT_EQ(slopes.value, both.value);
  for (std::size_t i = 0; i < at.size(); ++i) {
    EXPECT_NEAR(both.gradient[i], expected.gradient[i], 1e-11 * std::abs(expected.value));
    EXPECT_NEAR(slopes.gradient[i], both.gradient[i], 1e-13 * std::abs(expected.value));
  }
  for (std::size_t i = 0; i < at.size() * at.size(); ++i)
    EXPECT_NEAR(both.hessian[i], expected.hessian[i], 1e-11 * std::abs(expected.value));
  for (const auto& start : prepared.starts)
    EXPECT_TRUE(std::isfinite(prepared.at(start, Order::first, Execution{}).value));
}

template <class Model>
class Prepared : public ::testing::Test {};
using Models = ::testing::Types<BgNbd, MbgNbd, ParetoNbd>;
TYPED_TEST_SUITE(Prepared, Models);

TYPED_TEST(Prepared, EqualsTheLogLikelihood) {
  const auto c = simulate(3000, kCdnow, 9);
  const typename TypeParam::Parameters p{0.4, 7.0, 0.6, 3.0};
  const auto expected = TypeParam::log_likelihood(p, c.view(), Execution{}).times(1.0);
  const auto prepared = TypeParam::prepare(c.view(), Execution{});
  EXPECT_EQ(prepared.customers, 3000.0);
  expect_same(prepared, {0.4, 7.0, 0.6, 3.0}, expected);
}

TYPED_TEST(Prepared, IsNotFiniteWhereParametersOverflow) {
  const auto c = simulate(100, kCdnow, 9);
  const auto prepared = TypeParam::prepare(c.view(), Execution{});
  const std::vector<double> far{800.0, 1.0, 1.0, 1.0};
  EXPECT_FALSE(std::isfinite(prepared.at(far, Order::first, Execution{}).value));
}

TEST(PreparedNbd, EqualsTheLogLikelihood) {
  const auto c = simulate(3000, kCdnow, 9);
  const auto expected = nbd_log_likelihood({0.4, 7.0}, c.view(), Execution{}).times(1.0);
  expect_same(prepare_nbd(c.view(), Execution{}), {0.4, 7.0}, expected);
}

TEST(PreparedContracts, EqualTheLogLikelihood) {
  const std::vector<double> renewals{0, 1, 5, 5, 2};
  const std::vector<std::uint8_t> churned{1, 1, 0, 0, 1};
  const RenewalHistory history{renewals, churned};
  const survival::BetaGeometric two{0.7, 1.2};
  expect_same(prepare_contract<survival::BetaGeometric>(history, Execution{}), {0.7, 1.2},
              contract_log_likelihood(two, history, Execution{}));
  const survival::BetaWeibull three{0.7, 1.2, 1.4};
  expect_same(prepare_contract<survival::BetaWeibull>(history, Execution{}), {0.7, 1.2, 1.4},
              contract_log_likelihood(three, history, Execution{}));
}

TEST(PreparedSpend, EqualsTheLogLikelihood) {
  const std::vector<double> x{1, 2, 5, 2, 0}, m{20.0, 35.5, 12.0, 80.0, 0.0};
  const ObservedSpend spend{x, m};
  const auto expected = gamma_gamma_log_likelihood({5.0, 3.0, 14.0}, spend, Execution{}).times(1.0);
  const auto prepared = prepare_gamma_gamma(spend, Execution{});
  EXPECT_EQ(prepared.customers, 4.0);
  expect_same(prepared, {5.0, 3.0, 14.0}, expected);
}

}  // namespace
}  // namespace tenure::clv
