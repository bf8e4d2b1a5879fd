#include "tenure/survival/cure.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tenure/support/errors.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::survival {
namespace {

using Doubles = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

/// Three of five leave at the quantiles of an exponential law of mean 1, two are seen until 20.
struct Customers {
  Doubles duration, x;
  Flags churned;
  Customers() {
    for (int i = 0; i < 1000; ++i) {
      const bool leaves = i % 5 < 3;
      const double u = (i + 0.5) / 1000.0;
      duration.push_back(leaves ? -std::log(u) : 20.0);
      churned.push_back(leaves);
      x.push_back(std::sin(7.0 * i));
    }
  }
  CureSample sample(std::int64_t columns) const {
    const auto rows = std::ssize(duration);
    const Design with{x, rows, 1}, none{{}, rows, 0};
    return {duration, churned, columns > 0 ? with : none, columns > 1 ? with : none};
  }
};

TEST(CureFit, FindsTheShareThatStays) {
  const Customers customers;
  const auto fit = cure_fit(customers.sample(0), {Lifetime::exponential});
  EXPECT_EQ(fit.status, optim::Status::converged);
  EXPECT_NEAR(1.0 / (1.0 + std::exp(fit.incidence[0])), 0.4, 1e-6);
  EXPECT_NEAR(std::exp(fit.latency[0]), 1.0, 0.01);
}

TEST(CureFit, GivesTheSameBitsForAnyNumberOfThreads) {
  const Customers customers;
  const auto one = cure_fit(customers.sample(2), {}, {1}),
             four = cure_fit(customers.sample(2), {}, {4});
  EXPECT_EQ(one.log_likelihood, four.log_likelihood);
  EXPECT_EQ(one.incidence, four.incidence);
  EXPECT_EQ(one.covariance, four.covariance);
}

TEST(CureFit, KeepsAGivenIntercept) {
  const Customers customers;
  CureOptions options;
  options.intercept = 0.25;
  const auto fit = cure_fit(customers.sample(0), options);
  EXPECT_EQ(fit.incidence, Doubles{0.25});
  EXPECT_EQ(fit.covariance.size(), 4u);
}

TEST(CureRows, HaveTheDerivativesOfTheirValues) {
  const Doubles duration{2.0, 3.0, 5.0}, entry{0.0, 1.0, 2.0};
  const Flags churned{1, 0, 1};
  const Design none{{}, 3, 0};
  const CureSample sample{duration, churned, none, none, entry};
  for (const Lifetime law : {Lifetime::weibull, Lifetime::log_normal, Lifetime::log_logistic}) {
    const auto at = [&](double a, double e, double s) {
      return cure_rows(sample, law, Doubles(3, a), Doubles(3, e), s);
    };
    const double h = 1e-5;
    const auto rows = at(0.3, 1.1, -0.4);
    const auto high = at(0.3 + h, 1.1, -0.4), low = at(0.3 - h, 1.1, -0.4);
    const auto later = at(0.3, 1.1 + h, -0.4), sooner = at(0.3, 1.1 - h, -0.4);
    const auto wide = at(0.3, 1.1, -0.4 + h), narrow = at(0.3, 1.1, -0.4 - h);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(rows[4 * i + 1], (high[4 * i] - low[4 * i]) / (2 * h), 1e-9);
      EXPECT_NEAR(rows[4 * i + 2], (later[4 * i] - sooner[4 * i]) / (2 * h), 1e-9);
      EXPECT_NEAR(rows[4 * i + 3], (wide[4 * i] - narrow[4 * i]) / (2 * h), 1e-9);
    }
  }
}

TEST(CurePredictions, KnowWhoStays) {
  const Doubles a{0.0, 0.0, 1000.0}, eta{0.0, 0.0, 0.0}, tenure{0.0, 2.0, 2.0};
  const CureCustomers customers{Lifetime::exponential, 1.0, a, eta, tenure};
  const auto leaving = cure_leaving(customers);
  EXPECT_DOUBLE_EQ(leaving[0], 0.5);
  EXPECT_NEAR(leaving[1], std::exp(-2.0) / (1.0 + std::exp(-2.0)), 1e-15);
  EXPECT_DOUBLE_EQ(leaving[2], 1.0);
  const auto p = cure_quantile(customers, Doubles{0.25});
  EXPECT_NEAR(p[0], std::log(2.0), 1e-14);
  EXPECT_TRUE(std::isinf(p[1]));
  EXPECT_NEAR(p[2], -std::log(0.75), 1e-14);
  const auto stay = cure_survival(customers, Doubles{1.0});
  EXPECT_NEAR(stay[0], 0.5 + 0.5 * std::exp(-1.0), 1e-15);
}

TEST(CureFit, NamesTheBadRow) {
  const Doubles duration{1.0, 0.0};
  const Design none{{}, 2, 0};
  try {
    cure_fit({duration, Flags{1, 1}, none, none}, {});
    FAIL();
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.argument(), "duration");
    EXPECT_EQ(e.row(), 1);
  }
  EXPECT_THROW(cure_fit({duration, Flags{0, 0}, none, none}, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure::survival
