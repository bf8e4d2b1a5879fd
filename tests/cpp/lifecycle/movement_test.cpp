#include "tenure/lifecycle/movement.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/lifecycle/chain.hpp"
#include "tenure/lifecycle/panel.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::lifecycle {
namespace {

constexpr std::uint8_t kOut = kUnknown;

TEST(CountMoves, MatchTheHandCountedPanel) {
  // Customers: 0 stays twice; 1 goes 0 -> 1 -> outside; 2 is born into 1 and goes to 0.
  const std::vector<std::uint8_t> codes{0, 0, kOut, 0, 1, 1, 0, kOut, 0};
  const MoveCounts m = count_moves({codes, 3, 2}, {1});
  // By period, from, to; the last state is outside.
  EXPECT_EQ(m.counts, (std::vector<std::int64_t>{1, 1, 0, 0, 0, 0, 0, 1, 0,  //
                                                 1, 0, 0, 1, 0, 1, 0, 0, 0}));
  EXPECT_EQ(m.movers, (std::vector<std::int64_t>{2, 2, 1}));
  EXPECT_EQ(m.squares, (std::vector<std::int64_t>{4, 1, 0, 1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(m.row_squares, (std::vector<std::int64_t>{5, 2, 1}));
  // Whole stays: customer 1 in state 1, customer 2 in state 1; both last one period.
  EXPECT_EQ(m.runs, (std::vector<std::int64_t>{0, 2, 0}));
  EXPECT_EQ(m.run_periods, (std::vector<std::int64_t>{0, 2, 0}));
}

TEST(CountMoves, NameTheBadCell) {
  const std::vector<std::uint8_t> codes{0, 0, 5, 0};
  try {
    count_moves({codes, 2, 2}, {1});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.argument(), "codes");
    EXPECT_EQ(error.row(), 2);
  }
  EXPECT_THROW(count_moves({std::span(codes).first(2), 2, 2}, {1}), InvalidInput);
}

TEST(StageValues, MatchTheHandCountedRevenue) {
  const std::vector<std::uint8_t> codes{0, 0, kOut, 0, 1, 1, 0, 1, 0};
  const std::vector<double> revenue{10, 20, 5, 30, 0, 4};
  const StageValues v = stage_values({codes, 3, 2}, revenue, {1});
  EXPECT_EQ(v.rows, (std::vector<std::int64_t>{3, 2, 1}));
  EXPECT_EQ(v.members, (std::vector<std::int64_t>{2, 2, 1}));
  EXPECT_EQ(v.mean, (std::vector<double>{20, 2, 5}));
  // Stage 0: residuals -10 + 10 of customer 0 and 0 of customer 1 cancel.
  EXPECT_EQ(v.error[0], 0.0);
  EXPECT_DOUBLE_EQ(v.error[1], std::sqrt(8.0 * 2.0) / 2.0);
  EXPECT_DOUBLE_EQ(v.spread[0], 10.0);
}

TEST(Absorb, GamblersRuinHasItsClosedForm) {
  // States 0..6, up with p, down with 1 - p; ruin in 0 before 6 [Feller 1968, XIV.2].
  const std::size_t n = 7;
  const double p = 0.4, q = 1.0 - p;
  std::vector<double> transition(n * n);
  transition[0] = transition[n * n - 1] = 1.0;
  for (std::size_t i = 1; i + 1 < n; ++i) {
    transition[i * n + i + 1] = p;
    transition[i * n + i - 1] = q;
  }
  std::vector<std::uint8_t> target(n);
  target[0] = 1;
  const Absorption a = absorb(transition, target);
  EXPECT_EQ(a.status.front(), Reach::target);
  EXPECT_EQ(a.status.back(), Reach::no_path);
  EXPECT_TRUE(std::isnan(a.periods.back()));
  const double r = q / p;
  for (std::size_t i = 1; i + 1 < n; ++i) {
    const double ruin = (std::pow(r, i) - std::pow(r, 6)) / (1.0 - std::pow(r, 6));
    EXPECT_NEAR(a.probability[i], ruin, 1e-14);
  }
}

TEST(Absorb, KeepsItsDigitsWhereAStateIsHardlyEverLeft) {
  // Mean time 1 / e + 1 / e: a solver that forms 1 - p_ii would lose all of e = 1e-15 but a digit.
  const double e = 0x1p-50;
  const std::vector<double> transition{1 - e, e, 0, 0, 1 - e, e, 0, 0, 1};
  const Absorption a = absorb(transition, std::vector<std::uint8_t>{0, 0, 1});
  EXPECT_DOUBLE_EQ(a.periods[0], 2 / e);
  EXPECT_DOUBLE_EQ(a.probability[0], 1.0);
}

TEST(Absorb, RefusesWhatIsNoTransitionMatrix) {
  const std::vector<std::uint8_t> target{0, 1};
  EXPECT_THROW(absorb(std::vector<double>{0.5, 0.6, 0, 1}, target), InvalidInput);
  EXPECT_THROW(absorb(std::vector<double>{-0.5, 1.5, 0, 1}, target), InvalidInput);
  EXPECT_THROW(absorb(std::vector<double>{1.0}, target), InvalidInput);
}

TEST(ForecastChain, MovesEveryCustomerAndIsTheSameForAnyThreads) {
  const std::vector<std::int64_t> sizes{1000000, 7};
  const std::vector<double> weight{50, 50, 0, 20, 30, 0, 0, 0, 0};
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> concentration{inf, 30, inf}, births{0, 0};
  ForecastStart start{sizes, weight, concentration, births, true, {}, {}, {}};
  const ForecastDraws one = forecast_chain(start, 2, {200, 3}, {1});
  const ForecastDraws four = forecast_chain(start, 2, {200, 3}, {4});
  EXPECT_EQ(one.sizes, four.sizes);
  double mean = 0.0;
  for (std::size_t d = 0; d < 200; ++d) {
    for (std::size_t t = 0; t < 3; ++t)
      EXPECT_EQ(one.sizes[d * 6 + t * 2] + one.sizes[d * 6 + t * 2 + 1], 1000007.0);
    mean += one.sizes[d * 6 + 2] / 200;
  }
  // Half of the million stays: the sd of a draw is 1e6 sqrt(.25 / 101), of 200 draws' mean 3518.
  EXPECT_NEAR(mean, 500003.0, 4 * 3518.0);
}

TEST(DrawMatrices, HaveTheMeansAndVariancesOfTheirDirichlet) {
  const std::vector<double> weight{2, 3, 5, 0, 0, 0};
  const std::size_t draws = 20000;
  const auto m = draw_matrices(weight, 2, 3, {static_cast<std::int64_t>(draws), 9}, {2});
  double first = 0.0, second = 0.0;
  for (std::size_t d = 0; d < draws; ++d) {
    first += m[d * 6] / draws;
    second += m[d * 6] * m[d * 6] / draws;
    EXPECT_NEAR(m[d * 6] + m[d * 6 + 1] + m[d * 6 + 2], 1.0, 1e-15);
    EXPECT_EQ(m[d * 6 + 3] + m[d * 6 + 4] + m[d * 6 + 5], 0.0);
  }
  // Mean .2, variance .2 x .8 / 11: four standard errors of 20,000 draws.
  EXPECT_NEAR(first, 0.2, 4 * std::sqrt(0.16 / 11 / draws));
  EXPECT_NEAR(second - first * first, 0.16 / 11, 0.0006);
}

}  // namespace
}  // namespace tenure::lifecycle
