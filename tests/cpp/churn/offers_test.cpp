#include "tenure/churn/offers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::churn {
namespace {

using Values = std::vector<double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<int> offers_of(const OfferChoice& choice) {
  return {choice.offer.span().begin(), choice.offer.span().end()};
}

TEST(Offers, WithoutABudgetEachCustomerGetsTheBest) {
  const Values gain{1, 3, -1, -2, 2, 2}, cost{1, 9, 1, 2, 1, 5};
  const auto c = choose_offers({gain, cost, 2}, kInfinity, {});
  EXPECT_EQ(offers_of(c), (std::vector<int>{2, 0, 1}));
  EXPECT_EQ(c.gain, 5.0);
  EXPECT_EQ(c.cost, 10.0);
  EXPECT_EQ(c.bound, 5.0);
  EXPECT_EQ(c.multiplier, 0.0);
}

TEST(Offers, AnOfferBelowTheHullIsPassedOver) {
  // (cost, gain) (1, 1), (2, 1.5), (3, 4): the second lies below the line from the origin to the
  // third, and so does the first.
  const Values gain{1, 1.5, 4}, cost{1, 2, 3};
  EXPECT_EQ(offers_of(choose_offers({gain, cost, 3}, 3.0, {})), (std::vector<int>{3}));
  const auto poor = choose_offers({gain, cost, 3}, 2.0, {});
  EXPECT_EQ(offers_of(poor), (std::vector<int>{0}));
  EXPECT_DOUBLE_EQ(poor.bound, 8.0 / 3.0);
}

TEST(Offers, FreeOffersAreAlwaysTaken) {
  const Values gain{1, 2, -1}, cost{0, 0, 0};
  const auto c = choose_offers({gain, cost, 1}, 0.0, {});
  EXPECT_EQ(offers_of(c), (std::vector<int>{1, 1, 0}));
}

TEST(Offers, AThousandContactsOfATenthCostAHundred) {
  const Values gain(1001, 1.0), cost(1001, 0.1);
  const auto c = choose_offers({gain, cost, 1}, 100.0, {});
  EXPECT_EQ(c.gain, 1000.0);
  EXPECT_EQ(c.offer[1000], 0);
  EXPECT_DOUBLE_EQ(c.multiplier, 10.0);
}

/// The best of all (k + 1)^n choices.
double best_of_all(const Values& gain, const Values& cost, std::size_t k, double budget) {
  const std::size_t n = gain.size() / k;
  std::vector<std::size_t> pick(n);
  double best = 0.0;
  for (;;) {
    double g = 0.0, c = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      if (pick[i] > 0) g += gain[i * k + pick[i] - 1], c += cost[i * k + pick[i] - 1];
    if (c <= budget) best = std::max(best, g);
    std::size_t i = 0;
    while (i < n && ++pick[i] > k) pick[i++] = 0;
    if (i == n) return best;
  }
}

TEST(Offers, TheBestOfAllChoicesLiesBetweenTheGainAndTheBound) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomStream random(seed, 0);
    Values gain(15), cost(15);
    for (double& g : gain) g = std::floor(12.0 * random.uniform()) - 3.0;
    for (double& c : cost) c = std::floor(6.0 * random.uniform());
    double largest = 0.0;
    for (const double g : gain) largest = std::max(largest, g);
    const double budget = std::floor(15.0 * random.uniform());
    const auto choice = choose_offers({gain, cost, 3}, budget, {});
    const double best = best_of_all(gain, cost, 3, budget);
    EXPECT_LE(choice.gain, best + 1e-12);
    EXPECT_GE(choice.bound, best - 1e-12);
    EXPECT_LE(choice.bound - choice.gain, largest);
    EXPECT_LE(choice.cost, budget);
    double g = 0.0, c = 0.0;
    for (std::int64_t i = 0; i < 5; ++i)
      if (const int k = choice.offer[i]; k > 0) {
        g += gain[static_cast<std::size_t>(3 * i + k - 1)];
        c += cost[static_cast<std::size_t>(3 * i + k - 1)];
      }
    EXPECT_DOUBLE_EQ(g, choice.gain);
    EXPECT_DOUBLE_EQ(c, choice.cost);
  }
}

TEST(Offers, BadCellsAreNamed) {
  const auto row_of = [](const Values& gain, const Values& cost, double budget) -> std::int64_t {
    try {
      choose_offers({gain, cost, 2}, budget, {});
    } catch (const InvalidInput& e) {
      return e.row();
    }
    return -2;
  };
  EXPECT_EQ(row_of({1, 1, kInfinity, 1}, {1, 1, 1, 1}, 1.0), 1);
  EXPECT_EQ(row_of({1, 1, 1, 1}, {1, -1, 1, 1}, 1.0), 0);
  EXPECT_EQ(row_of({1, 1, 1}, {1, 1, 1}, 1.0), -1);
  EXPECT_EQ(row_of({1, 1}, {1}, 1.0), -1);
  EXPECT_EQ(row_of({1, 1}, {1, 1}, -1.0), -1);
  EXPECT_EQ(row_of({1, 1}, {1, 1}, std::nan("")), -1);
}

}  // namespace
}  // namespace tenure::churn
