#include "tenure/clv/correlated_pareto_nbd.hpp"

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
constexpr CorrelatedParetoNbdParameters kUsual{0.55, 10.6, 0.61, 11.7, 2.0};

TEST(CorrelatedParetoNbdLikelihood, EqualsTheReferenceWithItsDerivatives) {
  const auto table = read_reference("clv_correlated_pareto_nbd_likelihood.csv");
  ASSERT_EQ(table.rows.size(), 500u);
  for (const auto& row : table.rows) {
    const Columns c{{row[5]}, {row[6]}, {row[7]}};
    const auto d = correlated_pareto_nbd_log_likelihood({row[0], row[1], row[2], row[3], row[4]},
                                                        c.view(), {});
    EXPECT_NEAR(d.value, row[8], 1e-12 * std::max(1.0, std::abs(row[8])));
    double steepest = 0.0, sharpest = 0.0;
    for (std::size_t i = 9; i < 14; ++i) steepest = std::max(steepest, std::abs(row[i]));
    for (std::size_t i = 14; i < 29; ++i) sharpest = std::max(sharpest, std::abs(row[i]));
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(d.gradient[i], row[9 + i], 1e-11 * std::max(1.0, steepest));
    for (std::size_t i = 0; i < 15; ++i)
      EXPECT_NEAR(d.hessian[i], row[14 + i], 1e-10 * std::max(1.0, sharpest));
  }
}

TEST(CorrelatedParetoNbdLikelihood, IsTheSumOverRowsWithTheirWeights) {
  Columns c = simulate(3000, kBuyers, 3);
  Derivatives<5> sum;
  for (std::size_t i = 0; i < c.x.size(); ++i) {
    const RepeatPurchases one{{&c.x[i], 1}, {&c.t_x[i], 1}, {&c.age[i], 1}};
    sum += correlated_pareto_nbd_log_likelihood(kUsual, one, {});
  }
  const std::vector<double> twice(c.x.size(), 2.0);
  RepeatPurchases view = c.view();
  view.weight = twice;
  const auto whole = correlated_pareto_nbd_log_likelihood(kUsual, view, {});
  EXPECT_NEAR(whole.value, 2.0 * sum.value, 1e-11 * std::abs(sum.value));
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_NEAR(whole.gradient[i], 2.0 * sum.gradient[i], 1e-9 * 3000);
  for (std::size_t i = 0; i < 15; ++i)
    EXPECT_NEAR(whole.hessian[i], 2.0 * sum.hessian[i], 1e-9 * 3000);
}

TEST(CorrelatedParetoNbdLikelihood, HasTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(20'000, kBuyers, 4);
  const auto one = correlated_pareto_nbd_log_likelihood(kUsual, c.view(), {.threads = 1});
  const auto three = correlated_pareto_nbd_log_likelihood(kUsual, c.view(), {.threads = 3});
  EXPECT_EQ(one.value, three.value);
  EXPECT_EQ(one.gradient, three.gradient);
  EXPECT_EQ(one.hessian, three.hessian);
}

TEST(CorrelatedParetoNbdLikelihood, NamesAParameterThatItCannotHave) {
  const Columns c{{2.0}, {10.0}, {39.0}};
  const auto at = [&](const CorrelatedParetoNbdParameters& p) {
    try {
      correlated_pareto_nbd_log_likelihood(p, c.view(), {});
    } catch (const InvalidInput& e) {
      return std::string(e.argument());
    }
    return std::string("none");
  };
  EXPECT_EQ(at({0.55, 10.6, 0.61, 11.7, 0.0}), "odds");
  EXPECT_EQ(at({0.55, 10.6, 0.61, 11.7, INFINITY}), "odds");
  EXPECT_EQ(at({-1.0, 10.6, 0.61, 11.7, 1.0}), "r");
  EXPECT_EQ(at({1e-300, 1e300, 0.61, 11.7, 1.0}), "alpha");  // its stretched one overflows
}

TEST(RateCorrelation, LiesBetweenItsLimits) {
  for (const double r : {1e-3, 0.5, 1.0, 20.0})
    for (const double s : {0.02, 1.0, 7.0})
      for (const double odds : {1e-9, 0.3, 1.0, 1e9}) {
        const auto c = rate_correlation({r, 10.0, s, 12.0, odds});
        EXPECT_LE(c.lowest, c.correlation);
        EXPECT_LE(c.correlation, c.highest);
        EXPECT_NEAR((c.m - c.lowest_m) / (c.highest_m - c.lowest_m), odds / (1.0 + odds), 1e-9);
        EXPECT_GE(c.lowest, -0.25);
        EXPECT_LE(c.highest, 0.324);
      }
}

}  // namespace
}  // namespace tenure::clv
