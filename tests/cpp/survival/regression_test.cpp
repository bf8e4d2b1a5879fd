// Regressions of lifetimes: closed forms.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "tenure/support/errors.hpp"
#include "tenure/survival/aft.hpp"
#include "tenure/survival/aft_predict.hpp"
#include "tenure/survival/discrete_time.hpp"
#include "tenure/survival/fine_gray.hpp"

namespace tenure::survival {
namespace {

using Numbers = std::vector<double>;

TEST(Aft, ExponentialRateIsEventsByTime) {
  const double never = std::numeric_limits<double>::infinity();
  const Numbers lower{1.0, 2.0, 4.0, 5.0}, upper{1.0, 2.0, never, 5.0};
  const AftFit fit =
      aft_fit({lower, upper, Design{{}, 4, 0}}, {Lifetime::exponential, true, 100, 1e-9});
  EXPECT_EQ(fit.status, optim::Status::converged);
  EXPECT_NEAR(fit.coefficients[0], std::log(12.0 / 3.0), 1e-12);
  EXPECT_NEAR(fit.covariance[0], 1.0 / 3.0, 1e-6);  // one over the events
  EXPECT_NEAR(fit.log_likelihood, 3.0 * std::log(0.25) - 3.0, 1e-12);
}

TEST(Aft, LogNormalOfExactTimesIsLeastSquares) {
  const Numbers time{1.0, 2.0, 4.0, 16.0}, x{0.0, 1.0, 0.0, 1.0};
  const AftFit fit = aft_fit({time, time, Design{x, 4, 1}}, {Lifetime::log_normal});
  const double two = std::log(2.0);
  EXPECT_NEAR(fit.coefficients[0], two, 1e-9);
  EXPECT_NEAR(fit.coefficients[1], 1.5 * two, 1e-9);
  EXPECT_NEAR(std::exp(2.0 * fit.log_scale), 1.625 * two * two, 1e-9);
}

TEST(LogLaw, GeneralizedGammaMeetsItsNeighbours) {
  for (const double w : {-4.0, -0.5, 0.3, 2.0}) {
    const LogLaw weibull = log_law(Lifetime::weibull, 0.0, w);
    const LogLaw at_one = log_law(Lifetime::generalized_gamma, 1.0, w);
    EXPECT_NEAR(at_one.density, weibull.density, 1e-12);
    EXPECT_NEAR(at_one.survival, weibull.survival, 1e-12 * std::max(1.0, -weibull.survival));
    const LogLaw normal = log_law(Lifetime::log_normal, 0.0, w);
    const LogLaw near = log_law(Lifetime::generalized_gamma, 1e-6, w);
    EXPECT_NEAR(near.survival, normal.survival, 1e-4);
    EXPECT_NEAR(near.failure, normal.failure, 1e-4);
  }
}

TEST(LogLaw, InverseSurvivalInverts) {
  for (const Lifetime law : {Lifetime::weibull, Lifetime::log_normal, Lifetime::log_logistic,
                             Lifetime::generalized_gamma})
    for (const double log_s : {-1e-6, -0.1, -0.7, -20.0})
      EXPECT_NEAR(log_law(law, -0.7, inverse_survival(law, -0.7, log_s)).survival, log_s,
                  1e-9 * (1.0 - log_s));
}

TEST(FineGray, TwoCustomersByHand) {
  // x = 1 leaves first, then x = 0: L = e^b / (e^b + 1), which grows for ever.
  const Numbers time{1.0, 2.0}, x{1.0, 0.0};
  const std::vector<std::uint8_t> cause{1, 1};
  const FineGrayFit fit = fine_gray({time, cause, Design{x, 2, 1}});
  EXPECT_NEAR(fit.null_log_likelihood, -std::log(2.0), 1e-14);
  EXPECT_NE(fit.status, optim::Status::converged);
}

TEST(FineGray, LateEntryByHand) {
  // The first leaves at 2 for the other cause. Of the two under observation after 3 one entered
  // then, so that for the first another was never seen: it counts twice at 4.
  const Numbers time{2.0, 4.0, 5.0}, x{0.0, 1.0, 2.0}, entry{0.0, 0.0, 3.0};
  const std::vector<std::uint8_t> cause{2, 1, 0};
  FineGraySample sample{time, cause, Design{x, 3, 1}};
  EXPECT_NEAR(fine_gray(sample).null_log_likelihood, -std::log(3.0), 1e-14);
  sample.entry = entry;
  const FineGrayFit fit = fine_gray(sample);
  EXPECT_NEAR(fit.null_log_likelihood, -std::log(4.0), 1e-14);
  // 2 + e^b + e^2b over e^b is smallest where e^2b = 2.
  EXPECT_NEAR(fit.coefficients[0], 0.5 * std::log(2.0), 1e-9);
}

TEST(FineGray, NamesAnEntryWhereNobodyIsLeft) {
  const Numbers time{2.0, 4.0, 5.0}, x{0.0, 1.0, 2.0}, entry{0.0, 3.0, 3.0};
  const std::vector<std::uint8_t> cause{2, 1, 0};
  FineGraySample sample{time, cause, Design{x, 3, 1}};
  sample.entry = entry;
  EXPECT_THROW(fine_gray(sample), InvalidInput);
  const Numbers after{0.0, 4.0, 3.0};
  sample.entry = after;
  try {
    fine_gray(sample);
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.argument(), "entry");
    EXPECT_EQ(error.row(), 1);
  }
}

TEST(DiscreteTime, ConstantHazardIsEventsByQuestions) {
  const std::vector<std::int32_t> periods{1, 2, 3, 4};
  const std::vector<std::uint8_t> churned{1, 0, 1, 0};
  const Numbers x{1.0, -1.0, -1.0, 1.0}, ones(4, 1.0);
  const DiscreteTimeFit fit =
      discrete_time_fit({periods, churned, Design{x, 4, 1}, Design{ones, 4, 1}}, {});
  EXPECT_EQ(fit.person_periods, 10.0);
  // Both values of x have 5 questions and one who left.
  EXPECT_NEAR(fit.coefficients[0], std::log(0.25), 1e-9);
  EXPECT_NEAR(fit.coefficients[1], 0.0, 1e-9);
}

}  // namespace
}  // namespace tenure::survival
