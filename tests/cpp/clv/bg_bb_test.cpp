#include "tenure/clv/bg_bb.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "../reference_table.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

constexpr BgBbParameters kDonations{1.203528, 0.749726, 0.6567808, 2.783796};

struct Columns {
  std::vector<double> x, t_x, n;
  PurchaseOpportunities view() const { return {x, t_x, n}; }
};

/// Draws from the model, n from 1 to 12.
Columns simulate(int customers, const BgBbParameters& p, std::uint64_t seed) {
  Columns c;
  for (int i = 0; i < customers; ++i) {
    RandomStream random(seed, static_cast<std::uint64_t>(i));
    const auto n = static_cast<int>(1 + random.below(12));
    const double buy = random.beta(p.alpha, p.beta), leave = random.beta(p.gamma, p.delta);
    double x = 0.0, last = 0.0;
    for (int t = 1; t <= n && random.uniform() >= leave; ++t)
      if (random.uniform() < buy) {
        x += 1.0;
        last = t;
      }
    c.x.push_back(x);
    c.t_x.push_back(last);
    c.n.push_back(n);
  }
  return c;
}

/// All histories of n opportunities that differ to the model.
Columns histories(int n) {
  Columns c{{0.0}, {0.0}, {static_cast<double>(n)}};
  for (int t = 1; t <= n; ++t)
    for (int x = 1; x <= t; ++x) {
      c.x.push_back(x);
      c.t_x.push_back(t);
      c.n.push_back(n);
    }
  return c;
}

TEST(BgBbLikelihood, EqualsTheReferenceWithItsDerivatives) {
  const auto table = testing::read_reference("clv_bg_bb_likelihood.csv");
  ASSERT_EQ(table.rows.size(), 500u);
  for (const auto& row : table.rows) {
    const std::vector<double> x{row[4]}, t_x{row[5]}, n{row[6]};
    const BgBbParameters p{row[0], row[1], row[2], row[3]};
    const auto d = bg_bb_log_likelihood(p, {x, t_x, n}, {});
    const double scale = std::max(1.0, std::abs(row[7]));
    EXPECT_NEAR(d.value, row[7], 2e-13 * scale) << x[0] << ' ' << t_x[0] << ' ' << n[0];
    EXPECT_NEAR(bg_bb_row_log_likelihood(p, {x, t_x, n}, {})[0], d.value, 2e-13 * scale);
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(d.gradient[i], row[8 + i], 1e-11 * std::max(1.0, std::abs(row[8 + i])));
    for (std::size_t i = 0; i < 10; ++i)
      EXPECT_NEAR(d.hessian[i], row[12 + i], 2e-11 * std::max(1.0, std::abs(row[12 + i])));
  }
}

TEST(BgBbLikelihood, OfAllHistoriesAddsUpToOne) {
  for (const int n : {1, 6, 40}) {
    const Columns c = histories(n);
    const auto log = bg_bb_row_log_likelihood(kDonations, c.view(), {});
    double sum = 0.0;
    for (std::size_t i = 0; i < c.x.size(); ++i) {
      // Ways to place x purchases with the last at t_x.
      const double ways = c.x[i] == 0.0 ? 0.0
                                        : std::lgamma(c.t_x[i]) - std::lgamma(c.x[i]) -
                                              std::lgamma(c.t_x[i] - c.x[i] + 1.0);
      sum += std::exp(ways + log[static_cast<std::int64_t>(i)]);
    }
    EXPECT_NEAR(sum, 1.0, 1e-12);
  }
}

TEST(BgBbLikelihood, IsTheSumOfTheRowsWithTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(70'000, kDonations, 3);
  const auto one = bg_bb_log_likelihood(kDonations, c.view(), {.threads = 1});
  const auto three = bg_bb_log_likelihood(kDonations, c.view(), {.threads = 3});
  EXPECT_EQ(one.value, three.value);
  EXPECT_EQ(one.gradient, three.gradient);
  EXPECT_EQ(one.hessian, three.hessian);
  const auto rows = bg_bb_row_log_likelihood(kDonations, c.view(), {});
  double sum = 0.0;
  for (const double v : rows.span()) sum += v;
  EXPECT_NEAR(one.value, sum, 1e-12 * std::abs(sum));
}

TEST(BgBbFit, RecoversTheTruth) {
  const auto fit = fit_bg_bb(simulate(200'000, kDonations, 1).view(), {}, {.threads = 2});
  ASSERT_EQ(fit.status, optim::Status::converged);
  const std::vector<double> truth{kDonations.alpha, kDonations.beta, kDonations.gamma,
                                  kDonations.delta};
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_LT(std::abs(std::log(fit.parameters[i] / truth[i])),
              4.0 * std::sqrt(fit.log_covariance[i * 5]));
}

TEST(BgBb, ThousandsOfOpportunitiesNeitherOverflowNorUnderflow) {
  const std::vector<double> x{0, 1, 5000, 10'000, 1}, t_x{0, 1, 9000, 10'000, 10'000},
      n(5, 10'000.0);
  const PurchaseOpportunities rows{x, t_x, n};
  EXPECT_TRUE(std::isfinite(bg_bb_log_likelihood(kDonations, rows, {}).value));
  const auto alive = bg_bb_probability_alive(kDonations, rows, 0.0, {});
  EXPECT_LT(alive[2], 1e-300);
  EXPECT_EQ(alive[3], 1.0);
  const auto odds = bg_bb_log_odds_alive(kDonations, rows, 0.0, {});
  EXPECT_LT(odds[2], -700.0);
  EXPECT_TRUE(std::isfinite(odds[2]));
}

TEST(BgBbCounts, EqualTheSumOverHistories) {
  const Columns c = histories(12);
  const auto log = bg_bb_row_log_likelihood(kDonations, c.view(), {});
  std::vector<double> by_count(13, 0.0), count(13);
  for (std::size_t i = 0; i < c.x.size(); ++i) {
    const double ways = c.x[i] == 0.0 ? 0.0
                                      : std::lgamma(c.t_x[i]) - std::lgamma(c.x[i]) -
                                            std::lgamma(c.t_x[i] - c.x[i] + 1.0);
    by_count[static_cast<std::size_t>(c.x[i])] +=
        std::exp(ways + log[static_cast<std::int64_t>(i)]);
  }
  for (std::size_t k = 0; k < 13; ++k) count[k] = static_cast<double>(k);
  const auto pmf = bg_bb_pmf(kDonations, count, 12.0, {});
  double mean = 0.0;
  for (std::size_t k = 0; k < 13; ++k) {
    EXPECT_NEAR(pmf[static_cast<std::int64_t>(k)], by_count[k], 1e-13);
    mean += count[k] * by_count[k];
  }
  const std::vector<double> horizon{12.0}, number{12.0, 12.0, 3.0};
  EXPECT_NEAR(bg_bb_expected_purchases_new(kDonations, horizon, {})[0], mean, 1e-12);
  const auto counts = bg_bb_frequency_counts(kDonations, number, std::nullopt, 5, {});
  double customers = 0.0;
  for (const double v : counts) customers += v;
  EXPECT_NEAR(customers, 3.0, 1e-12);
}

TEST(BgBb, NamesTheBadRow) {
  const auto refuse = [](Columns c, const char* argument, std::int64_t row) {
    try {
      fit_bg_bb(c.view(), {}, {});
      ADD_FAILURE() << argument;
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.argument(), argument);
      EXPECT_EQ(e.row(), row);
    }
  };
  refuse({{1, 1.5}, {1, 2}, {3, 3}}, "frequency", 1);
  refuse({{1, 1}, {1, 1.5}, {3, 3}}, "recency", 1);
  refuse({{1, 1}, {1, 2}, {3, 3.5}}, "T", 1);
  refuse({{1, 1}, {1, 4}, {3, 3}}, "recency", 1);
  refuse({{1, 3}, {1, 2}, {3, 3}}, "recency", 1);
  refuse({{1, 0}, {1, 2}, {3, 3}}, "recency", 1);
  refuse({{1, 1}, {1, 1}, {3, 1e6}}, "T", 1);
  refuse({{1}, {1, 1}, {3}}, "recency", -1);
  refuse({{}, {}, {}}, "frequency", -1);
  const std::vector<double> one{1.0};
  EXPECT_THROW(bg_bb_row_log_likelihood({0.0, 1.0, 1.0, 1.0}, {one, one, one}, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure::clv
