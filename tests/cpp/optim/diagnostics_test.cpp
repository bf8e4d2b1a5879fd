#include "tenure/optim/diagnostics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tenure/support/random.hpp"

namespace tenure::optim {
namespace {

/// Chains with the autocorrelation rho^lag, moved apart by `apart`.
std::vector<double> autoregressive(std::int64_t chains, std::int64_t draws, double rho,
                                   double apart) {
  std::vector<double> out;
  for (std::int64_t c = 0; c < chains; ++c) {
    RandomStream random(7, static_cast<std::uint64_t>(c));
    double x = random.normal();
    for (std::int64_t i = 0; i < draws; ++i) {
      out.push_back(x + apart * static_cast<double>(c));
      x = rho * x + std::sqrt(1.0 - rho * rho) * random.normal();
    }
  }
  return out;
}

TEST(Diagnostics, KnowsTheSizeOfAnAutoregressiveChain) {
  // n (1 - rho) / (1 + rho) draws.
  for (const double rho : {0.0, 0.5, 0.9}) {
    const auto d = diagnose({autoregressive(4, 20'000, rho, 0.0), 4});
    const double expected = 80'000 * (1.0 - rho) / (1.0 + rho);
    EXPECT_NEAR(d.ess_bulk, expected, 0.1 * expected);
    EXPECT_NEAR(d.ess_mean, expected, 0.1 * expected);
    EXPECT_NEAR(d.mcse, 1.0 / std::sqrt(expected), 0.1 / std::sqrt(expected));
    EXPECT_LT(d.rhat, 1.01);
  }
}

TEST(Diagnostics, SeesChainsApartByPlaceAndByWidth) {
  EXPECT_GT(diagnose({autoregressive(4, 1000, 0.0, 0.5), 4}).rhat, 1.1);
  std::vector<double> wide = autoregressive(4, 1000, 0.0, 0.0);
  for (std::size_t i = 0; i < 1000; ++i) wide[i] *= 3.0;
  EXPECT_GT(diagnose({wide, 4}).rhat, 1.05);
}

TEST(Diagnostics, SeesADriftWithinOneChain) {
  std::vector<double> drifting = autoregressive(1, 1000, 0.0, 0.0);
  for (std::size_t i = 0; i < 1000; ++i) drifting[i] += static_cast<double>(i) / 500.0;
  EXPECT_GT(diagnose({drifting, 1}).rhat, 1.1);
}

TEST(Diagnostics, AreNotAffectedByOrderPreservingMaps) {
  const std::vector<double> v = autoregressive(4, 501, 0.4, 0.0);
  std::vector<double> mapped = v;
  for (double& x : mapped) x = std::exp(3.0 * x);
  const auto a = diagnose({v, 4}), b = diagnose({mapped, 4});
  EXPECT_EQ(a.ess_bulk, b.ess_bulk);
  EXPECT_EQ(a.ess_tail, b.ess_tail);
  EXPECT_NE(a.ess_mean, b.ess_mean);
}

TEST(Diagnostics, AreUnknownForConstantShortAndBrokenDraws) {
  EXPECT_TRUE(std::isnan(diagnose({std::vector<double>(40, 2.0), 4}).rhat));
  EXPECT_TRUE(std::isnan(diagnose({std::vector<double>{1.0, 2.0, 3.0}, 1}).ess_bulk));
  std::vector<double> v = autoregressive(2, 50, 0.0, 0.0);
  v[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(diagnose({v, 2}).mcse));
}

TEST(Diagnostics, EnergyFractionByHand) {
  // Differences 1, -2, 3, squared 14; deviations from 1.5: -0.5, 0.5, -1.5, 1.5, squared 5.
  EXPECT_NEAR(energy_fraction(std::vector<double>{1.0, 2.0, 0.0, 3.0}), 14.0 / 5.0, 1e-15);
  EXPECT_TRUE(std::isnan(energy_fraction(std::vector<double>{1.0, 2.0})));
}

}  // namespace
}  // namespace tenure::optim
