#include "tenure/clv/bootstrap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "tenure/clv/contracts.hpp"
#include "tenure/special/chi_square.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/survival/renewals.hpp"

namespace tenure::clv {
namespace {

constexpr int kDraws = 40'000;

/// A chi-square test of counts against probabilities, the last cell for the rest; at a false alarm
/// of 1e-4, which these fixed streams do not raise.
void expect_counts(const std::vector<double>& count, const Buffer<double>& chance) {
  double statistic = 0.0, rest_count = kDraws, rest = 1.0;
  int cells = 0;
  for (std::int64_t i = 0; i < chance.size(); ++i) {
    const double expected = kDraws * chance[i];
    if (expected < 10.0) break;
    const double seen = count[static_cast<std::size_t>(i)];
    statistic += (seen - expected) * (seen - expected) / expected;
    rest_count -= seen;
    rest -= chance[i];
    ++cells;
  }
  if (rest * kDraws > 10.0) {
    statistic += std::pow(rest_count - rest * kDraws, 2) / (rest * kDraws);
    ++cells;
  }
  ASSERT_GT(cells, 4);
  EXPECT_GT(special::chi_square_survival(statistic, cells - 1), 1e-4);
}

template <class Draw>
std::vector<double> counts(const Draw& draw) {
  std::vector<double> count(1000);
  for (int i = 0; i < kDraws; ++i) {
    RandomStream random(7, static_cast<std::uint64_t>(i));
    const double x = draw(random);
    count[std::min<std::size_t>(static_cast<std::size_t>(x), 999)] += 1.0;
  }
  return count;
}

std::vector<double> numbers(std::size_t n) {
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<double>(i);
  return out;
}

template <class Model, class Draw>
void expect_pmf(const typename Model::Parameters& at, double age, const Draw& draw) {
  const auto seen = counts([&](RandomStream& random) { return draw(at, age, random).frequency; });
  expect_counts(seen, Model::pmf(at, numbers(40), age, Execution{}));
}

TEST(DrawnPurchases, HaveTheNumbersOfTheirModel) {
  expect_pmf<BgNbd>({0.8, 6.0, 0.8, 2.4}, 30.0, draw_bg_nbd);
  expect_pmf<MbgNbd>({0.8, 6.0, 0.8, 2.4}, 30.0, draw_mbg_nbd);
  expect_pmf<Nbd>({0.8, 6.0}, 30.0, draw_nbd);
  expect_pmf<ParetoNbd>({0.8, 6.0, 0.6, 12.0}, 30.0, draw_pareto_nbd);
  expect_pmf<GGompertzNbd>({0.8, 6.0, 0.1, 0.6, 1.2}, 30.0, draw_ggompertz_nbd);
  const BgBbParameters gifts{1.2, 0.75, 0.66, 2.8};
  const auto seen =
      counts([&](RandomStream& random) { return draw_bg_bb(gifts, 6.0, random).frequency; });
  expect_counts(seen, bg_bb_pmf(gifts, numbers(7), 6.0, Execution{}));
}

/// At the parameters that the customers were drawn from, slopes of the log-likelihood of number and
/// time of the purchases are 0 in expectation: each mean within five standard errors.
template <class Model, class Draw>
void expect_score(const typename Model::Parameters& at, double age, const Draw& draw) {
  constexpr int kBases = 200, kCustomers = 100;
  std::vector<double> sum, squares;
  for (int b = 0; b < kBases; ++b) {
    std::vector<double> x, t_x;
    const std::vector<double> ages(kCustomers, age);
    for (int i = 0; i < kCustomers; ++i) {
      RandomStream random(11, static_cast<std::uint64_t>(b * kCustomers + i));
      const auto made = draw(at, age, random);
      x.push_back(made.frequency);
      t_x.push_back(made.recency);
    }
    const auto slopes =
        Model::log_likelihood(at, RepeatPurchases{x, t_x, ages}, Execution{}).times(1.0).gradient;
    sum.resize(slopes.size());
    squares.resize(slopes.size());
    for (std::size_t k = 0; k < slopes.size(); ++k) {
      sum[k] += slopes[k];
      squares[k] += slopes[k] * slopes[k];
    }
  }
  for (std::size_t k = 0; k < sum.size(); ++k)
    EXPECT_LT(std::abs(sum[k]), 5.0 * std::sqrt(squares[k])) << k;
}

TEST(DrawnPurchases, HaveTheTimesOfTheirModel) {
  expect_score<BgNbd>({0.8, 6.0, 0.8, 2.4}, 30.0, draw_bg_nbd);
  expect_score<MbgNbd>({0.8, 6.0, 0.8, 2.4}, 30.0, draw_mbg_nbd);
  expect_score<ParetoNbd>({0.8, 6.0, 0.6, 12.0}, 30.0, draw_pareto_nbd);
}

TEST(DrawnRenewals, HaveTheNumbersOfTheirModel) {
  const auto expect = [](const auto& at) {
    Buffer<double> chance(12);
    for (int n = 0; n < 12; ++n)
      chance[n] = std::exp(-survival::hazard_value(at, 0.0, n)) -
                  std::exp(-survival::hazard_value(at, 0.0, n + 1.0));
    expect_counts(counts([&](RandomStream& random) { return draw_renewals(at, 12.0, random); }),
                  chance);
  };
  expect(survival::BetaGeometric{0.7, 1.2});
  expect(survival::BetaWeibull{0.7, 3.0, 1.5});
}

TEST(DrawnSpend, HasTheMeanAndTheSquareOfItsModel) {
  const GammaGammaParameters at{5.0, 8.0, 20.0};
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    RandomStream random(3, static_cast<std::uint64_t>(i));
    const double m = draw_mean_spend(at, 3.0, random);
    sum += m;
    squares += m * m;
  }
  // E(1 / nu) = gamma / (q - 1), E(1 / nu^2) = gamma^2 / ((q - 1) (q - 2)).
  const double first = 5.0 * 20.0 / 7.0;
  const double second = 20.0 * 20.0 / (7.0 * 6.0) * (25.0 + 5.0 / 3.0);
  EXPECT_NEAR(sum / kDraws, first, 5.0 * std::sqrt((second - first * first) / kDraws));
  EXPECT_NEAR(squares / kDraws, second, 0.05 * second);
}

const BgNbdParameters kTruth{0.8, 6.0, 0.8, 2.4};

PurchaseModel bg_nbd() {
  return {[](double age, RandomStream& random) { return draw_bg_nbd(kTruth, age, random); },
          fit_bg_nbd,
          [](const RepeatPurchases& c, const Execution& e) {
            return bg_nbd_log_likelihood(kTruth, c, e).times(1.0).gradient;
          }};
}

BootstrapOptions of(std::int64_t replicates) {
  return {replicates, 5, {.start = {0.8, 6.0, 0.8, 2.4}}};
}

TEST(Bootstrap, HasTheSameBitsForAnyThreadsAndAnyNumberOfReplicates) {
  const std::vector<double> age(300, 30.0);
  std::atomic<std::int64_t> steps{0};
  const auto one = bootstrap_purchases(bg_nbd(), age, {}, of(6), {1, nullptr, &steps});
  EXPECT_EQ(steps.load(), 6);
  EXPECT_EQ(bootstrap_purchases(bg_nbd(), age, {}, of(6), {3}).parameters, one.parameters);
  const auto few = bootstrap_purchases(bg_nbd(), age, {}, of(2), {1});
  EXPECT_TRUE(std::equal(few.parameters.begin(), few.parameters.end(), one.parameters.begin()));
}

TEST(Bootstrap, TakesAWeightForSoManyCustomers) {
  const std::vector<double> age{30.0, 20.0}, weight{200.0, 100.0};
  std::vector<double> each(200, 30.0);
  each.resize(300, 20.0);
  const auto weighted = bootstrap_purchases(bg_nbd(), age, weight, of(3), Execution{});
  EXPECT_EQ(weighted.parameters, bootstrap_purchases(bg_nbd(), each, {}, of(3), {}).parameters);
}

TEST(Bootstrap, AWarmStartFindsTheOptimumOfTheColdOne) {
  const std::vector<double> age(500, 30.0);
  auto cold = bg_nbd();
  cold.fit = [](const RepeatPurchases& c, FitOptions o, const Execution& e) {
    o.start.clear();
    return fit_bg_nbd(c, o, e);
  };
  const auto a = bootstrap_purchases(bg_nbd(), age, {}, of(4), {});
  const auto b = bootstrap_purchases(cold, age, {}, of(4), {});
  for (std::size_t i = 0; i < a.parameters.size(); ++i)
    EXPECT_NEAR(a.parameters[i], b.parameters[i], 1e-5 * b.parameters[i]);
}

TEST(Bootstrap, NamesBasesThatTellNothing) {
  // Of three customers whom one renewal sees, none or all leave in many a base.
  const std::vector<double> observed(3, 2.0);
  const survival::BetaGeometric at{1.0, 3.0};
  const auto got = bootstrap_contracts(at, observed, {}, {40, 1, {.start = {1.0, 3.0}}}, {});
  const auto refused = std::ranges::count(got.outcome, kRefused);
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 40);
  for (std::size_t b = 0; b < 40; ++b)
    EXPECT_EQ(std::isnan(got.parameters[2 * b]), got.outcome[b] == kRefused);
}

TEST(Bootstrap, NamesTheBadRow) {
  const auto row = [](std::vector<double> age, std::vector<double> weight) {
    try {
      bootstrap_purchases(bg_nbd(), age, weight, of(1), {});
    } catch (const InvalidInput& e) {
      return e.row();
    }
    return std::int64_t{-2};
  };
  EXPECT_EQ(row({1.0, -1.0}, {1.0, 1.0}), 1);
  EXPECT_EQ(row({1.0, 2.0}, {1.0, 0.5}), 1);
  EXPECT_EQ(row({1.0, 2.0}, {0.0, 0.0}), -1);
  EXPECT_EQ(row({1.0, 2.0}, {1.0}), -1);
}

}  // namespace
}  // namespace tenure::clv
