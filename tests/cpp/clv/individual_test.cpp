#include "tenure/clv/individual.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "tenure/clv/abe.hpp"
#include "tenure/clv/pareto_ggg.hpp"
#include "tenure/special/chi_square.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

const std::vector<double> kX{0.0, 2.0, 5.0}, kRecency{0.0, 10.0, 30.0}, kAge{39.0, 38.0, 36.0};
const RepeatPurchases kCustomers{kX, kRecency, kAge};
const std::vector<double> kOnes(3, 1.0), kGaps{0.0, 3.0, 8.0};
const AbePrior kPrior{{0.0, 0.0}, {0.01}, 4.0, {4.0, 0.0, 0.0, 4.0}};
const IndividualOptions kFew{.chains = 3, .draws = 20, .warmup = 20, .kept = 7, .seed = 5};

std::vector<PriorTerm> standard_normals() {
  std::vector<PriorTerm> terms;
  for (std::size_t i = 0; i < 6; ++i) {
    PriorTerm term;
    term.weight.assign(6, 0.0);
    term.weight[i] = 1.0;
    terms.push_back(term);
  }
  return terms;
}

TEST(Individual, SameBitsForAnyNumberOfThreads) {
  const auto same = [](const IndividualDraws& a, const IndividualDraws& b) {
    EXPECT_EQ(a.population, b.population);
    EXPECT_EQ(a.log_likelihood, b.log_likelihood);
    for (std::int64_t i = 0; i < a.individual.size(); ++i)
      ASSERT_EQ(a.individual[i], b.individual[i]);
    for (std::int64_t i = 0; i < a.lifetime.size(); ++i) ASSERT_EQ(a.lifetime[i], b.lifetime[i]);
  };
  same(sample_abe(kCustomers, kOnes, 1, kPrior, kFew, {1, nullptr}),
       sample_abe(kCustomers, kOnes, 1, kPrior, kFew, {3, nullptr}));
  const auto terms = standard_normals();
  same(sample_pareto_ggg(kCustomers, kGaps, terms, kFew, {1, nullptr}),
       sample_pareto_ggg(kCustomers, kGaps, terms, kFew, {3, nullptr}));
}

TEST(Individual, StopsWhenAsked) {
  Interrupt interrupt([] { return true; });
  IndividualOptions many = kFew;
  many.draws = 1'000'000;
  EXPECT_THROW(sample_abe(kCustomers, kOnes, 1, kPrior, many, {2, &interrupt}), Interrupted);
}

TEST(Individual, OptionsOutOfRangeAreRefused) {
  for (auto [chains, draws, warmup, kept] :
       {std::array<std::int64_t, 4>{0, 5, 5, 1}, {1, 0, 5, 1}, {1, 5, -1, 1}, {1, 5, 5, 6}}) {
    const IndividualOptions bad{.chains = chains, .draws = draws, .warmup = warmup, .kept = kept};
    EXPECT_THROW(sample_abe(kCustomers, kOnes, 1, kPrior, bad, {}), InvalidInput);
  }
}

TEST(Individual, FuturesOfRegularCustomersHaveTheGapsOfTheModel) {
  // One customer with known rates, alive for long, who bought at T: gaps are gamma(k), mean 2.
  const std::int64_t draws = 20000;
  for (const double k : {0.3, 1.0, 4.0}) {
    std::vector<double> rates, lifetime(static_cast<std::size_t>(draws), 1e9);
    for (std::int64_t d = 0; d < draws; ++d) rates.insert(rates.end(), {0.5, 1e-9, k});
    const std::vector<double> x{1.0}, age{10.0};
    for (const double silence : {0.0, 1.0, 9.0}) {
      const std::vector<double> recency{10.0 - silence};
      const auto counts =
          simulate_purchases({rates, draws, 3, 1}, lifetime, {x, recency, age}, 3.0, 11, 0, {});
      double none = 0.0;
      for (const double c : counts.span()) none += c == 0.0 ? 1.0 : 0.0;
      const double z = 0.5 * k;
      const double expected =
          special::gamma_q(k, z * (silence + 3.0)) / special::gamma_q(k, z * silence);
      const double error = std::sqrt(expected * (1.0 - expected) / draws);
      EXPECT_NEAR(none / draws, expected, 4.5 * error) << k << ' ' << silence;
    }
  }
}

TEST(Abe, IsCertainOfSomebodyWhoJustBought) {
  EXPECT_DOUBLE_EQ(abe_probability_alive(7.0, 7.0, 0.3, 0.1), 1.0);
  EXPECT_GE(abe_probability_alive(1.0, 1e9, 3.0, 0.1), 0.0);
  EXPECT_DOUBLE_EQ(pareto_ggg_probability_alive(7.0, 7.0, {0.3, 0.1, 2.0}), 1.0);
}

}  // namespace
}  // namespace tenure::clv
