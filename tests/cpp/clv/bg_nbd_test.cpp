#include "tenure/clv/bg_nbd.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "../reference_table.hpp"
#include "tenure/clv/delta.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

constexpr BgNbdParameters kCdnow{0.2425945, 4.4136, 0.792922, 2.4259};

struct Columns {
  std::vector<double> x, t_x, age;
  RepeatPurchases view() const { return {x, t_x, age}; }
};

/// Draws from the model, times rounded up to sevenths.
Columns simulate(int n, const BgNbdParameters& p, std::uint64_t seed) {
  Columns c;
  for (int i = 0; i < n; ++i) {
    RandomStream random(seed, static_cast<std::uint64_t>(i));
    const double age = static_cast<double>(180 + random.below(180)) / 7.0;
    const double rate = random.gamma(p.r) / p.alpha, leave = random.beta(p.a, p.b);
    double x = 0.0, last = 0.0;
    for (double t = random.exponential() / rate; t <= age; t += random.exponential() / rate) {
      const double day = std::min(age, std::ceil(7.0 * t) / 7.0);
      x += day > last;
      last = day;
      if (random.uniform() < leave) break;
    }
    c.x.push_back(x);
    c.t_x.push_back(last);
    c.age.push_back(age);
  }
  return c;
}

TEST(BgNbdLikelihood, EqualsTheReferenceWithItsDerivatives) {
  const auto table = testing::read_reference("clv_bg_nbd_likelihood.csv");
  ASSERT_EQ(table.rows.size(), 500u);
  for (const auto& row : table.rows) {
    const std::vector<double> x{row[4]}, t_x{row[5]}, age{row[6]};
    const auto d =
        bg_nbd_log_likelihood({row[0], row[1], row[2], row[3]}, {x, t_x, age}, Execution{});
    EXPECT_NEAR(d.value, row[7], 1e-12 * std::max(1.0, std::abs(row[7])));
    double steepest = 0.0, sharpest = 0.0;
    for (std::size_t i = 8; i < 12; ++i) steepest = std::max(steepest, std::abs(row[i]));
    for (std::size_t i = 12; i < 22; ++i) sharpest = std::max(sharpest, std::abs(row[i]));
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(d.gradient[i], row[8 + i], 1e-11 * std::abs(row[8 + i]) + 1e-13 * steepest);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(d.hessian[i], row[12 + i], 1e-11 * sharpest);
  }
}

TEST(BgNbdLikelihood, IsTheSumOverRowsAndCountsWeights) {
  const Columns c = simulate(5000, kCdnow, 3);
  Derivatives<4> sum;
  for (std::size_t i = 0; i < c.x.size(); ++i) {
    const std::span<const double> x(&c.x[i], 1), t_x(&c.t_x[i], 1), age(&c.age[i], 1);
    sum += bg_nbd_log_likelihood(kCdnow, {x, t_x, age}, Execution{});
  }
  const auto whole = bg_nbd_log_likelihood(kCdnow, c.view(), Execution{});
  EXPECT_NEAR(whole.value, sum.value, 1e-11 * std::abs(sum.value));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(whole.gradient[i], sum.gradient[i], 1e-9 * 5000);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(whole.hessian[i], sum.hessian[i], 1e-9 * 5000);
}

TEST(BgNbdFit, HasTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(60'000, kCdnow, 4);
  const auto one = fit_bg_nbd(c.view(), {}, {.threads = 1});
  ASSERT_EQ(one.status, optim::Status::converged);
  EXPECT_NEAR(one.parameters[0], kCdnow.r, 0.02);
  EXPECT_NEAR(one.parameters[1], kCdnow.alpha, 0.5);
  for (const int threads : {2, 3, 8}) {
    const auto more = fit_bg_nbd(c.view(), {}, {.threads = threads});
    EXPECT_EQ(more.parameters, one.parameters);
    EXPECT_EQ(more.log_likelihood, one.log_likelihood);
    EXPECT_EQ(more.log_covariance, one.log_covariance);
  }
}

TEST(BgNbdFit, FromAPartOfTheRowsEndsAtTheSameOptimum) {
  // Twice the 65,536 repeat buyers from which the first stage sees a part of the rows.
  const Columns c = simulate(300'000, kCdnow, 5);
  const auto fit = fit_bg_nbd(c.view(), {}, {.threads = 2});
  ASSERT_EQ(fit.status, optim::Status::converged);
  EXPECT_LE(fit.iterations, 5);
  const BgNbdParameters at{fit.parameters[0], fit.parameters[1], fit.parameters[2],
                           fit.parameters[3]};
  const auto d = bg_nbd_log_likelihood(at, c.view(), {.threads = 2});
  EXPECT_NEAR(d.value, fit.log_likelihood, 1e-10 * std::abs(d.value));
  for (const double g : d.gradient) EXPECT_LT(std::abs(g), 1e-8 * 300'000);
}

TEST(BgNbdPredictions, EqualTheReference) {
  const auto table = testing::read_reference("clv_bg_nbd_predictions.csv");
  ASSERT_EQ(table.rows.size(), 120u);
  for (const auto& row : table.rows) {
    const BgNbdParameters p{row[0], row[1], row[2], row[3]};
    const std::vector<double> x{row[4]}, t_x{row[5]}, age{row[6]};
    const RepeatPurchases c{x, t_x, age};
    const double alive = bg_nbd_probability_alive(p, c, {})[0];
    EXPECT_NEAR(alive, row[9], 2e-14 * row[9]);
    if (x[0] > 0)
      EXPECT_NEAR(bg_nbd_log_odds_alive(p, c, {})[0], std::log(row[9] / (1 - row[9])), 1e-9);
    else
      EXPECT_TRUE(std::isinf(bg_nbd_log_odds_alive(p, c, {})[0]));
    EXPECT_NEAR(bg_nbd_expected_purchases(p, c, row[7], 0.0, {})[0], row[10], 1e-12 * row[10]);
    EXPECT_NEAR(bg_nbd_expected_purchases(p, c, row[7], row[8], {})[0], row[11], 1e-12 * row[11]);
  }
}

TEST(BgNbdPredictions, InterpolateToTheSameAsOneByOne) {
  // Continuous ages: far more distinct (x, T) than nodes.
  Columns c = simulate(4000, kCdnow, 6);
  RandomStream random(6, 1);
  for (std::size_t i = 0; i < c.age.size(); ++i) c.age[i] += 30.0 * random.uniform();
  for (const double rate : {0.0, 0.01}) {
    const auto all = bg_nbd_expected_purchases(kCdnow, c.view(), 52.0, rate, {.threads = 2});
    for (std::size_t i = 0; i < c.x.size(); i += 7) {
      const std::span<const double> x(&c.x[i], 1), t_x(&c.t_x[i], 1), age(&c.age[i], 1);
      const double one = bg_nbd_expected_purchases(kCdnow, {x, t_x, age}, 52.0, rate, {})[0];
      EXPECT_NEAR(all[static_cast<std::int64_t>(i)], one, 1e-12 * one);
    }
  }
}

TEST(BgNbdPredictions, HaveTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(50'000, kCdnow, 7);
  const auto one = bg_nbd_expected_purchases(kCdnow, c.view(), 10.0, 0.002, {.threads = 1});
  const auto four = bg_nbd_expected_purchases(kCdnow, c.view(), 10.0, 0.002, {.threads = 4});
  EXPECT_EQ(std::memcmp(one.data(), four.data(), 50'000 * sizeof(double)), 0);
}

TEST(BgNbdPredictions, LongHorizonsEndAndGrow) {
  // The series would take 10^7 terms here: the quadrature takes over, and the values go on.
  const BgNbdParameters p{0.5, 1e-3, 0.8, 2.5};
  double before = 0.0;
  for (const double horizon : {0.1, 1.0, 3.0, 4.0, 4.2, 10.0, 1e3, 1e6}) {
    const double now = bg_nbd_expected_purchases_new(p, std::vector{horizon}, {})[0];
    EXPECT_GT(now, before);
    before = now;
  }
  EXPECT_TRUE(std::isfinite(before));
}

TEST(BgNbdPmf, AddsUpToOneWithTheRightMean) {
  std::vector<double> n;
  for (int i = 0; i < 3000; ++i) n.push_back(i);
  const auto pmf = bg_nbd_pmf(kCdnow, n, 39.0, {});
  double sum = 0.0, mean = 0.0;
  for (std::size_t i = 0; i < n.size(); ++i) {
    sum += pmf[static_cast<std::int64_t>(i)];
    mean += n[i] * pmf[static_cast<std::int64_t>(i)];
  }
  EXPECT_NEAR(sum, 1.0, 1e-12);
  EXPECT_NEAR(mean, bg_nbd_expected_purchases_new(kCdnow, std::vector{39.0}, {})[0], 1e-11);
  const auto at_once = bg_nbd_pmf(kCdnow, std::vector{0.0, 1.0}, 0.0, {});
  EXPECT_EQ(at_once[0], 1.0);
  EXPECT_EQ(at_once[1], 0.0);
}

TEST(BgNbdFrequencyCounts, AddUpThePmf) {
  const std::vector<double> age{39.0, 10.0, 0.0}, weight{2.0, 3.0, 4.0};
  const auto counts = bg_nbd_frequency_counts(kCdnow, age, weight, 5, {});
  ASSERT_EQ(counts.size(), 6u);
  double total = 0.0;
  for (std::size_t n = 0; n < 6; ++n) total += counts[n];
  EXPECT_NEAR(total, 9.0, 1e-13);
  for (std::size_t n = 0; n < 5; ++n) {
    double expected = n == 0 ? 4.0 : 0.0;
    const std::vector<double> one{static_cast<double>(n)};
    for (const std::size_t i : {0u, 1u})
      expected += weight[i] * bg_nbd_pmf(kCdnow, one, age[i], {})[0];
    EXPECT_NEAR(counts[n], expected, 1e-14);
  }
}

TEST(DeltaMethod, EqualsTheGradientByHand) {
  // y = a^2 b: d log y = (2, 1) in (log a, log b).
  const std::vector<double> at{1.5, 4.0}, covariance{0.04, 0.01, 0.01, 0.09};
  const auto predict = [](std::span<const double> p) {
    Buffer<double> out(2);
    out[0] = p[0] * p[0] * p[1];
    out[1] = 0.0;
    return out;
  };
  const auto logs = delta_method(at, covariance, Scale::log, predict, {});
  const double error = std::sqrt(4 * 0.04 + 4 * 0.01 + 0.09);
  EXPECT_EQ(logs.value[0], 9.0);
  EXPECT_NEAR(logs.standard_error[0], error, 1e-8);
  EXPECT_EQ(logs.standard_error[1], 0.0);
  const auto plain = delta_method(at, covariance, Scale::identity, predict, {});
  EXPECT_NEAR(plain.standard_error[0], 9.0 * error, 1e-6);
  const std::vector<double> unknown(4, std::nan(""));
  EXPECT_TRUE(std::isnan(delta_method(at, unknown, Scale::log, predict, {}).standard_error[0]));
  EXPECT_THROW(delta_method(at, std::vector{1.0}, Scale::log, predict, {}), InvalidInput);
}

TEST(BgNbd, RefusesParametersThatNoModelHas) {
  const std::vector<double> x{1}, t_x{1}, age{2};
  for (const double bad : std::vector<double>{0.0, -1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_THROW(bg_nbd_probability_alive({bad, 1, 1, 1}, {x, t_x, age}, {}), InvalidInput);
    EXPECT_THROW(bg_nbd_pmf({1, bad, 1, 1}, x, 1.0, {}), InvalidInput);
    EXPECT_THROW(bg_nbd_expected_purchases_new({1, 1, bad, 1}, x, {}), InvalidInput);
    EXPECT_THROW(bg_nbd_frequency_counts({1, 1, 1, bad}, x, {}, 3, {}), InvalidInput);
  }
}

}  // namespace
}  // namespace tenure::clv
