#include "tenure/survival/beta_geometric.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/special/beta.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/survival/beta_binomial.hpp"

namespace tenure::survival {
namespace {

using Column = std::vector<double>;

// [Fader & Hardie 2007, table 1], per 1,000, seven renewals.
const Column kRegular{1000, 631, 468, 382, 326, 289, 262, 241};
const Column kHighEnd{1000, 869, 743, 653, 593, 551, 517, 491};

struct Counts {
  Column lost, kept;
  explicit Counts(const Column& survivors) {
    for (std::size_t t = 1; t < survivors.size(); ++t) {
      lost.push_back(survivors[t - 1] - survivors[t]);
      kept.push_back(survivors[t]);
    }
  }
  RenewalCounts view() const { return {lost, kept}; }
};

TEST(BetaGeometric, HasThePublishedParameters) {
  const auto regular = fit_beta_geometric(Counts(kRegular).view());
  EXPECT_EQ(regular.status, optim::Status::converged);
  EXPECT_NEAR(regular.parameters.alpha, 0.704, 5e-4);
  EXPECT_NEAR(regular.parameters.beta, 1.182, 5e-4);
  EXPECT_NEAR(regular.log_likelihood, -1680.2652, 5e-5);
  const auto high = fit_beta_geometric(Counts(kHighEnd).view());
  EXPECT_NEAR(high.parameters.alpha, 0.668, 5e-4);
  EXPECT_NEAR(high.parameters.beta, 3.806, 5e-4);
  EXPECT_NEAR(high.log_likelihood, -1611.1582, 1.5e-4);
}

// Eq. 5 and 6 of the paper, by beta functions instead of products of renewal rates.
TEST(BetaGeometric, IsTheLikelihoodOfThePaper) {
  const double a = 0.7, b = 1.2;
  double expected = 241 * (special::log_beta(a, b + 7) - special::log_beta(a, b));
  for (int t = 1; t <= 7; ++t)
    expected +=
        (kRegular[static_cast<std::size_t>(t) - 1] - kRegular[static_cast<std::size_t>(t)]) *
        (special::log_beta(a + 1, b + t - 1) - special::log_beta(a, b));
  const auto e = beta_geometric_log_likelihood({a, b}, Counts(kRegular).view());
  EXPECT_NEAR(e.value, expected, 1e-10);
}

TEST(BetaGeometric, DerivativesAreThoseOfItsValue) {
  const Counts counts(kHighEnd);
  for (const auto& [a, b] : {std::pair{0.7, 1.2}, {5.0, 0.05}, {0.01, 30.0}, {1e4, 3e4}}) {
    const auto at = [&](double u, double v) {
      return beta_geometric_log_likelihood({a * std::exp(u), b * std::exp(v)}, counts.view());
    };
    const auto e = at(0, 0);
    const double h = 1e-5;
    for (int i = 0; i < 2; ++i) {
      const auto up = i == 0 ? at(h, 0) : at(0, h), down = i == 0 ? at(-h, 0) : at(0, -h);
      const auto k = static_cast<std::size_t>(i);
      EXPECT_NEAR(e.gradient[k], (up.value - down.value) / (2 * h), 2e-5);
      for (std::size_t j = 0; j < 2; ++j)
        EXPECT_NEAR(e.hessian[k * 2 + j], (up.gradient[j] - down.gradient[j]) / (2 * h), 2e-5);
    }
  }
}

TEST(BetaGeometric, SurvivalIsARatioOfBetaFunctions) {
  const std::array<double, 4> none{};
  const BetaGeometric at{0.7, 1.2};
  for (const auto& [from, to] : {std::pair{0, 1}, {0, 12}, {5, 9}, {7, 7}}) {
    const auto s = beta_geometric_survival(at, none, from, to);
    const double log_ratio = special::log_beta(0.7, 1.2 + to) - special::log_beta(0.7, 1.2 + from);
    EXPECT_NEAR(s.value, std::exp(log_ratio), 1e-14);
    EXPECT_EQ(s.logit_error, 0.0);
  }
}

TEST(BetaGeometric, ErrorOfTheLogOddsIsThatOfTheDeltaMethod) {
  const BetaGeometric at{0.7, 1.2};
  const std::array<double, 4> covariance{0.04, 0.01, 0.01, 0.09};
  const auto logit = [](double a, double b) {
    const std::array<double, 4> none{};
    const double p = beta_geometric_survival({a, b}, none, 2, 6).value;
    return std::log(p / (1 - p));
  };
  const double h = 1e-5;
  const double da = (logit(0.7 * std::exp(h), 1.2) - logit(0.7 * std::exp(-h), 1.2)) / (2 * h);
  const double db = (logit(0.7, 1.2 * std::exp(h)) - logit(0.7, 1.2 * std::exp(-h))) / (2 * h);
  const double variance = 0.04 * da * da + 0.02 * da * db + 0.09 * db * db;
  EXPECT_NEAR(beta_geometric_survival(at, covariance, 2, 6).logit_error, std::sqrt(variance), 1e-8);
}

TEST(BetaGeometric, SaysWhereTheDataTellNothing) {
  const auto fit = [](const Column& survivors) {
    return fit_beta_geometric(Counts(survivors).view());
  };
  EXPECT_THROW(fit({10, 10, 10}), InvalidInput);  // nobody left
  EXPECT_THROW(fit({10, 5}), InvalidInput);       // one renewal
  EXPECT_THROW(fit({10, 0, 0}), InvalidInput);    // all gone at the first: one renewal told
  // One churn rate for all, and everybody at once or never.
  EXPECT_EQ(fit({1000, 500, 250, 125}).status, optim::Status::boundary);
  EXPECT_EQ(fit({1000, 500, 500, 500}).status, optim::Status::boundary);
  const Column lost{1, 1}, bad{1, -1};
  EXPECT_THROW(fit_beta_geometric({lost, bad}), InvalidInput);
  EXPECT_THROW(beta_geometric_log_likelihood({0.0, 1.0}, {lost, lost}), InvalidInput);
  const std::array<double, 4> none{};
  EXPECT_THROW(beta_geometric_survival({1, 1}, none, 3, 2), InvalidInput);
}

TEST(LogitLimits, AreWithinTheUnitIntervalAndMissingWithoutAnError) {
  const auto limits = logit_limits(0.2, 0.5, 2.0);
  EXPECT_NEAR(std::log(limits[0] / (1 - limits[0])), std::log(0.25) - 1.0, 1e-14);
  EXPECT_NEAR(std::log(limits[1] / (1 - limits[1])), std::log(0.25) + 1.0, 1e-14);
  EXPECT_EQ(logit_limits(1.0, std::nan(""), 2.0)[0], 1.0);
  EXPECT_TRUE(std::isnan(logit_limits(0.5, std::nan(""), 2.0)[1]));
}

// Beta(1, 1): every count equally likely.
TEST(BetaBinomial, LimitsOfAnUnknownShareAreThoseOfAUniformCount) {
  const auto limits = beta_binomial_limits(99, 1.0, 1.0, 0.91);
  EXPECT_EQ(limits.lower, 4);
  EXPECT_EQ(limits.upper, 95);
}

TEST(BetaBinomial, AreThoseOfTheBinomialWhereTheShareIsKnown) {
  // Binomial(10, 1/2): P(X <= 1) = .0107, P(X <= 2) = .0547, P(X <= 7) = .9453, P(X <= 8) = .9893.
  const auto limits = beta_binomial_limits(10, 1e15, 1e15, 0.95);
  EXPECT_EQ(limits.lower, 2);
  EXPECT_EQ(limits.upper, 8);
}

TEST(BetaBinomial, HoldsAtItsEdges) {
  EXPECT_EQ(beta_binomial_limits(0, 2.0, 3.0, 0.95).upper, 0);
  const auto split = beta_binomial_limits(1000, 0.01, 0.01, 0.95);  // nearly all or nearly none
  EXPECT_EQ(split.lower, 0);
  EXPECT_EQ(split.upper, 1000);
  EXPECT_EQ(beta_binomial_limits(5, 1e-300, 1.0, 0.95).upper, 0);
  EXPECT_THROW(beta_binomial_limits(-1, 1.0, 1.0, 0.95), InvalidInput);
  EXPECT_THROW(beta_binomial_limits(1, 0.0, 1.0, 0.95), InvalidInput);
  EXPECT_THROW(beta_binomial_limits(1, 1.0, 1.0, 1.0), InvalidInput);
}

}  // namespace
}  // namespace tenure::survival
