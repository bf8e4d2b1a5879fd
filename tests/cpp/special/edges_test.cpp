// What the reference tables do not hold: identities, poles, infinities, NaN.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "tenure/special/beta.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/special/hypergeometric.hpp"
#include "tenure/special/logs.hpp"

namespace tenure::special {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Lgamma, IsExactlyZeroAtOneAndTwo) {
  EXPECT_EQ(special::lgamma(1.0), 0.0);
  EXPECT_EQ(special::lgamma(2.0), 0.0);
}

TEST(Lgamma, HasPolesInfinitiesAndNaN) {
  for (const double pole : {0.0, -0.0, -1.0, -2.0, -1e15, -0x1p60, kInf, -kInf})
    EXPECT_EQ(special::lgamma(pole), kInf) << pole;
  EXPECT_TRUE(std::isnan(special::lgamma(kNaN)));
}

// Gamma(-1/2) = -2 sqrt(pi), Gamma(-3/2) = 4/3 sqrt(pi); Gamma(x) ~ 1/x beside 0.
TEST(Lgamma, ReflectsNegativeArguments) {
  const double log_root_pi = 0.5 * std::log(std::numbers::pi);
  EXPECT_NEAR(special::lgamma(-0.5), std::log(2.0) + log_root_pi, 1e-15);
  EXPECT_NEAR(special::lgamma(-1.5), std::log(4.0 / 3.0) + log_root_pi, 1e-15);
  EXPECT_DOUBLE_EQ(special::lgamma(-1e-200), 200.0 * std::log(10.0));
  // Gamma(-20.5) = pi / (sin(pi 21.5) Gamma(21.5)), sin = -1.
  EXPECT_NEAR(special::lgamma(-20.5), std::log(std::numbers::pi) - special::lgamma(21.5), 1e-13);
}

TEST(Digamma, HasPolesInfinitiesAndNaN) {
  EXPECT_EQ(digamma(0.0), -kInf);
  EXPECT_EQ(digamma(-0.0), kInf);
  EXPECT_EQ(digamma(kInf), kInf);
  for (const double pole : {-1.0, -7.0, -kInf, kNaN}) EXPECT_TRUE(std::isnan(digamma(pole)));
}

// psi(1) = -gamma, psi(1/2) = -gamma - 2 log 2, psi(-1/2) = psi(1/2) + 2.
TEST(Digamma, HasItsKnownValues) {
  EXPECT_DOUBLE_EQ(digamma(1.0), -std::numbers::egamma);
  EXPECT_DOUBLE_EQ(digamma(0.5), -std::numbers::egamma - 2.0 * std::numbers::ln2);
  EXPECT_NEAR(digamma(-0.5), digamma(0.5) + 2.0, 1e-15);
  EXPECT_NEAR(digamma(-6.25), digamma(7.25) + std::numbers::pi / std::tan(6.25 * std::numbers::pi),
              1e-13);
}

// psi'(1) = pi^2/6, psi'(1/2) = pi^2/2, psi'(-1/2) = pi^2/2 + 4.
TEST(Trigamma, HasItsKnownValuesPolesAndNaN) {
  const double pi2 = std::numbers::pi * std::numbers::pi;
  EXPECT_DOUBLE_EQ(trigamma(1.0), pi2 / 6.0);
  EXPECT_DOUBLE_EQ(trigamma(0.5), pi2 / 2.0);
  EXPECT_DOUBLE_EQ(trigamma(-0.5), pi2 / 2.0 + 4.0);
  EXPECT_EQ(trigamma(0.0), kInf);
  EXPECT_EQ(trigamma(-3.0), kInf);
  EXPECT_EQ(trigamma(kInf), 0.0);
  EXPECT_TRUE(std::isnan(trigamma(kNaN)));
  EXPECT_TRUE(std::isnan(trigamma(-kInf)));
}

TEST(LogGammaRatio, KeepsItsDomain) {
  EXPECT_EQ(log_gamma_ratio(3.0, 0.0), 0.0);
  EXPECT_EQ(log_gamma_ratio(kInf, 1.0), kInf);
  EXPECT_EQ(log_gamma_ratio(2.0, kInf), kInf);
  for (const double x : {0.0, -1.0, kNaN}) EXPECT_TRUE(std::isnan(log_gamma_ratio(x, 1.0)));
  for (const double n : {-1.0, kNaN}) EXPECT_TRUE(std::isnan(log_gamma_ratio(1.0, n)));
}

TEST(LogBeta, IsSymmetricAndKeepsItsDomain) {
  for (const double a : {1e-8, 0.3, 2.0, 17.0, 1e9})
    for (const double b : {1e-3, 1.0, 16.0, 20.0, 1e12}) EXPECT_EQ(log_beta(a, b), log_beta(b, a));
  EXPECT_EQ(log_beta(1.0, 1.0), 0.0);
  EXPECT_EQ(log_beta(0.0, 1.0), kInf);
  EXPECT_EQ(log_beta(1.0, kInf), -kInf);
  for (const double bad : {-1.0, kNaN}) EXPECT_TRUE(std::isnan(log_beta(bad, 1.0)));
  EXPECT_TRUE(std::isnan(log_beta(0.0, kInf)));
}

// 2F1(1,1;2;z) = -log(1-z)/z; 2F1(a,b;b;z) = (1-z)^-a.
TEST(LogHyp2f1, HasItsClosedForms) {
  for (const double z : {1e-12, 0.1, 0.5, 0.9, 0.999}) {
    EXPECT_NEAR(log_hyp2f1(1, 1, 2, z), std::log(-std::log1p(-z) / z), 1e-14);
    EXPECT_NEAR(log_hyp2f1(2.5, 7, 7, z), -2.5 * std::log1p(-z), 1e-13);
  }
}

// Kept from the reliability list: parameters of BG/NBD at a customer with a million orders.
TEST(LogHyp2f1, IsFiniteForAMillionOrders) {
  const double value = log_hyp2f1(0.25 + 1e6, 2.5 + 1e6, 0.8 + 2.5 + 1e6 - 1.0, 0.5);
  EXPECT_TRUE(std::isfinite(value));
  EXPECT_GT(value, 6.9e5);  // (1-z)^(c-a-b) = 2^(1e6 + .45)
  EXPECT_LT(value, 6.94e5);
}

TEST(LogHyp2f1, GivesNaNOutsideItsDomainAndWhereItCannotPromise) {
  EXPECT_EQ(log_hyp2f1(1, 2, 3, 0), 0.0);
  for (const double bad : {0.0, -1.0, kNaN, kInf}) {
    EXPECT_TRUE(std::isnan(log_hyp2f1(bad, 1, 1, 0.5)));
    EXPECT_TRUE(std::isnan(log_hyp2f1(1, bad, 1, 0.5)));
    EXPECT_TRUE(std::isnan(log_hyp2f1(1, 1, bad, 0.5)));
  }
  for (const double z : {-0.1, 1.0, 1.5, kNaN}) EXPECT_TRUE(std::isnan(log_hyp2f1(1, 1, 1, z)));
  EXPECT_TRUE(std::isnan(log_hyp2f1(0.5, 0.5, 1.5, 1.0 - 1e-9)));  // too many terms
}

TEST(LogSumExp, AddsWithoutOverflow) {
  EXPECT_DOUBLE_EQ(log_sum_exp(std::log(2.0), std::log(3.0)), std::log(5.0));
  EXPECT_DOUBLE_EQ(log_sum_exp(1000.0, 1000.0), 1000.0 + std::numbers::ln2);
  EXPECT_EQ(log_sum_exp(-kInf, -3.0), -3.0);
  EXPECT_EQ(log_sum_exp(-kInf, -kInf), -kInf);
  EXPECT_EQ(log_sum_exp(kInf, 5.0), kInf);
  EXPECT_EQ(log_sum_exp(kInf, kInf), kInf);
  EXPECT_TRUE(std::isnan(log_sum_exp(kNaN, 1.0)));
  EXPECT_TRUE(std::isnan(log_sum_exp(1.0, kNaN)));
  EXPECT_TRUE(std::isnan(log_sum_exp(kNaN, kInf)));
  EXPECT_TRUE(std::isnan(log_sum_exp(kInf, kNaN)));
}

TEST(Log1mExp, IsAccurateAtBothEnds) {
  EXPECT_DOUBLE_EQ(log1m_exp(-1e-20), std::log(1e-20));
  EXPECT_DOUBLE_EQ(log1m_exp(-50.0), -std::exp(-50.0));
  EXPECT_DOUBLE_EQ(log1m_exp(-std::numbers::ln2), -std::numbers::ln2);
  EXPECT_EQ(log1m_exp(0.0), -kInf);
  EXPECT_EQ(log1m_exp(-kInf), 0.0);
  EXPECT_TRUE(std::isnan(log1m_exp(0.1)));
  EXPECT_DOUBLE_EQ(log_diff_exp(std::log(5.0), std::log(2.0)), std::log(3.0));
  EXPECT_EQ(log_diff_exp(2.0, 2.0), -kInf);
  EXPECT_TRUE(std::isnan(log_diff_exp(1.0, 2.0)));
}

}  // namespace
}  // namespace tenure::special
