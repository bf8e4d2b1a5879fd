#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "../reference_table.hpp"
#include "simulated.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"

// What holds for every model of repeat purchases. A model of four parameters needs two tables in
// tests/reference, clv_<model>_likelihood.csv and clv_<model>_predictions.csv.
namespace tenure::clv {
namespace {

using tenure::testing::read_reference;
using testing::Columns;
using testing::simulate;

constexpr BgNbdParameters kCdnow{0.2425945, 4.4136, 0.792922, 2.4259};

template <class Model>
typename Model::Parameters point(const std::vector<double>& v) {
  return {v[0], v[1], v[2], v[3]};
}

/// Columns of customers, whose columns i stand for one of them.
struct Customer {
  std::span<const double> x, t_x, age;
  Customer(const Columns& c, std::size_t i) : x(&c.x[i], 1), t_x(&c.t_x[i], 1), age(&c.age[i], 1) {}
  RepeatPurchases view() const { return {x, t_x, age}; }
};

Columns one(const std::vector<double>& row, std::size_t at) {
  return {{row[at]}, {row[at + 1]}, {row[at + 2]}};
}

template <class Model>
class TransactionModel : public ::testing::Test {
 protected:
  /// A usual place to be, whatever the data were drawn from.
  static typename Model::Parameters usual() {
    if constexpr (std::is_same_v<Model, ParetoNbd>)
      return {0.55, 10.6, 0.61, 11.7};
    else if constexpr (std::is_same_v<Model, MbgNbd>)
      return {0.525, 6.18, 0.891, 1.614};
    else
      return kCdnow;
  }
  static tenure::testing::ReferenceTable table(const std::string& what) {
    return read_reference("clv_" + std::string(Model::kName) + "_" + what + ".csv");
  }
};

using Models = ::testing::Types<BgNbd, MbgNbd, ParetoNbd>;
TYPED_TEST_SUITE(TransactionModel, Models);

TYPED_TEST(TransactionModel, LikelihoodEqualsTheReferenceWithItsDerivatives) {
  const auto table = this->table("likelihood");
  ASSERT_EQ(table.rows.size(), 500u);
  for (const auto& row : table.rows) {
    const Columns c = one(row, 4);
    const auto d = TypeParam::log_likelihood(point<TypeParam>(row), c.view(), Execution{});
    EXPECT_NEAR(d.value, row[7], 1e-12 * std::max(1.0, std::abs(row[7])));
    double steepest = 0.0, sharpest = 0.0;
    for (std::size_t i = 8; i < 12; ++i) steepest = std::max(steepest, std::abs(row[i]));
    for (std::size_t i = 12; i < 22; ++i) sharpest = std::max(sharpest, std::abs(row[i]));
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(d.gradient[i], row[8 + i],
                  1e-11 * std::abs(row[8 + i]) + 1e-13 * steepest + 1e-15);
    for (std::size_t i = 0; i < 10; ++i)
      EXPECT_NEAR(d.hessian[i], row[12 + i], 2e-11 * sharpest + 1e-15);
  }
}

TYPED_TEST(TransactionModel, LikelihoodIsTheSumOverRows) {
  const Columns c = simulate(5000, kCdnow, 3);
  Derivatives<4> sum;
  for (std::size_t i = 0; i < c.x.size(); ++i)
    sum += TypeParam::log_likelihood(this->usual(), Customer(c, i).view(), Execution{});
  const auto whole = TypeParam::log_likelihood(this->usual(), c.view(), Execution{});
  EXPECT_NEAR(whole.value, sum.value, 1e-11 * std::abs(sum.value));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(whole.gradient[i], sum.gradient[i], 1e-9 * 5000);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(whole.hessian[i], sum.hessian[i], 1e-9 * 5000);
}

TYPED_TEST(TransactionModel, FitHasTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(60'000, kCdnow, 4);
  const auto one = TypeParam::fit(c.view(), {}, {.threads = 1});
  ASSERT_EQ(one.status, optim::Status::converged);
  for (const int threads : {2, 3, 8}) {
    const auto more = TypeParam::fit(c.view(), {}, {.threads = threads});
    EXPECT_EQ(more.parameters, one.parameters);
    EXPECT_EQ(more.log_likelihood, one.log_likelihood);
    EXPECT_EQ(more.log_covariance, one.log_covariance);
  }
}

TYPED_TEST(TransactionModel, PredictionsEqualTheReference) {
  const auto table = this->table("predictions");
  ASSERT_EQ(table.rows.size(), 120u);
  for (const auto& row : table.rows) {
    const auto p = point<TypeParam>(row);
    const Columns c = one(row, 4);
    const double horizon = row[7], rate = row[8], alive = row[9];
    EXPECT_NEAR(TypeParam::probability_alive(p, c.view(), {})[0], alive,
                2e-14 * alive * (1.0 - std::log(alive)));
    const double odds = TypeParam::log_odds_alive(p, c.view(), {})[0];
    if (alive < 1.0)
      EXPECT_NEAR(odds, std::log(alive / (1 - alive)), 1e-9);
    else
      EXPECT_TRUE(std::isinf(odds));
    const auto expected = [&](double r) {
      return TypeParam::expected_purchases(p, c.view(), horizon, r, {})[0];
    };
    EXPECT_NEAR(expected(0.0), row[10], 1e-12 * row[10]);
    EXPECT_NEAR(expected(rate), row[11], 1e-12 * row[11]);
  }
}

TYPED_TEST(TransactionModel, PredictionsInterpolateToTheSameAsOneByOne) {
  // Continuous ages: far more distinct (x, T) than nodes.
  Columns c = simulate(4000, kCdnow, 6);
  RandomStream random(6, 1);
  for (double& t : c.age) t += 30.0 * random.uniform();
  for (const double rate : {0.0, 0.01}) {
    const auto expected = [&](const RepeatPurchases& view, int threads) {
      return TypeParam::expected_purchases(this->usual(), view, 52.0, rate, {.threads = threads});
    };
    const auto all = expected(c.view(), 2);
    for (std::size_t i = 0; i < c.x.size(); i += 7) {
      const double single = expected(Customer(c, i).view(), 1)[0];
      EXPECT_NEAR(all[static_cast<std::int64_t>(i)], single, 1e-12 * single);
    }
  }
}

TYPED_TEST(TransactionModel, PredictionsHaveTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(50'000, kCdnow, 7);
  const auto expected = [&](int threads) {
    return TypeParam::expected_purchases(this->usual(), c.view(), 10.0, 0.002,
                                         {.threads = threads});
  };
  const auto one = expected(1), four = expected(4);
  EXPECT_EQ(std::memcmp(one.data(), four.data(), 50'000 * sizeof(double)), 0);
}

TYPED_TEST(TransactionModel, ChancesOfCountsAddUpToOneAndToTheExpectation) {
  const auto p = this->usual();
  std::vector<double> n(4000);
  for (std::size_t i = 0; i < n.size(); ++i) n[i] = static_cast<double>(i);
  const auto chance = TypeParam::pmf(p, n, 39.0, {.threads = 2});
  double total = 0.0, mean = 0.0;
  for (std::int64_t i = 0; i < chance.size(); ++i) {
    EXPECT_GE(chance[i], 0.0);
    total += chance[i];
    mean += static_cast<double>(i) * chance[i];
  }
  EXPECT_NEAR(total, 1.0, 1e-12);
  const double expected = TypeParam::expected_purchases_new(p, std::vector{39.0}, {})[0];
  EXPECT_NEAR(mean, expected, 1e-11 * expected);
}

TYPED_TEST(TransactionModel, FrequencyCountsAddUpTheChancesOfEachCustomer) {
  const Columns c = simulate(300, kCdnow, 8);
  const std::vector<double> n{0, 1, 2, 3, 4, 5, 6};
  const auto counts = TypeParam::frequency_counts(this->usual(), c.age, std::nullopt, 7, {});
  std::vector<double> sum(8, 0.0);
  for (const double age : c.age) {
    const auto chance = TypeParam::pmf(this->usual(), n, age, {});
    double told = 0.0;
    for (std::size_t k = 0; k < 7; ++k) sum[k] += chance[static_cast<std::int64_t>(k)];
    for (const double v : chance.span()) told += v;
    sum[7] += 1.0 - told;
  }
  for (std::size_t k = 0; k < 8; ++k) EXPECT_NEAR(counts[k], sum[k], 1e-9);
}

}  // namespace
}  // namespace tenure::clv
