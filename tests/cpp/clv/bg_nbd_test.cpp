#include "tenure/clv/bg_nbd.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "simulated.hpp"
#include "tenure/clv/delta.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using testing::Columns;
using testing::simulate;

constexpr BgNbdParameters kCdnow{0.2425945, 4.4136, 0.792922, 2.4259};

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
