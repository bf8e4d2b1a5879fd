#include "tenure/support/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

namespace tenure {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Known answers of the authors' library, Random123, file kat_vectors, philox4x32 with 10 rounds.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(RandomStream::philox(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(RandomStream::philox(~0ull, ~0ull, ~0ull),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // Digits of pi: counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
  EXPECT_EQ(RandomStream::philox(0x299f31d0'a4093822, 0x03707344'13198a2e, 0x85a308d3'243f6a88),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, ReadsTheBlocksInOrder) {
  RandomStream stream(7, 11);
  for (std::uint64_t block = 0; block < 3; ++block) {
    const auto words = RandomStream::philox(7, 11, block);
    EXPECT_EQ(stream.next(), std::uint64_t{words[0]} << 32 | words[1]);
    EXPECT_EQ(stream.next(), std::uint64_t{words[2]} << 32 | words[3]);
  }
}

TEST(RandomStream, DiffersBySeedAndByStream) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    for (std::uint64_t stream = 0; stream < 100; ++stream)
      seen.insert(RandomStream(seed, stream).next());
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(RandomStream, DrawsEveryIntegerBelowEquallyOften) {
  RandomStream stream(1, 2);
  std::vector<double> count(7, 0.0);
  constexpr int n = 70'000;
  for (int i = 0; i < n; ++i) count[stream.below(7)] += 1.0;
  double chi_squared = 0.0;
  for (const double c : count) chi_squared += (c - n / 7.0) * (c - n / 7.0) / (n / 7.0);
  EXPECT_LT(chi_squared, 22.46);  // 99.9 % point at 6 degrees of freedom
  EXPECT_EQ(stream.below(1), 0u);
}

// --- distributions: Kolmogorov-Smirnov against distribution functions that share no code -------

/// Regularised lower incomplete gamma by its series, or by the continued fraction of the upper one.
double gamma_cdf(double shape, double x) {
  if (x <= 0.0) return 0.0;
  const double log_front = shape * std::log(x) - x - std::lgamma(shape);
  if (x < shape + 1.0) {
    double term = 1.0 / shape, sum = term;
    for (double k = shape + 1.0; term > 1e-16 * sum; k += 1.0) sum += term *= x / k;
    return sum * std::exp(log_front);
  }
  double fraction = 0.0;
  for (int k = 500; k >= 1; --k)
    fraction = k * (shape - k) / (x + 2.0 * k + 1.0 - shape + fraction);
  return 1.0 - std::exp(log_front) / (x + 1.0 - shape + fraction);
}

/// Regularised incomplete beta by the trapezoid rule in u, x = 1 / (1 + exp(-u)): exponentially
/// accurate.
double beta_cdf(double a, double b, double x) {
  const double log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b);
  const double end = std::log(x) - std::log1p(-x);
  double sum = 0.0;
  const double h = 5e-3 * std::max(1.0, 1.0 / std::min(a, b));
  for (double u = end - 0.5 * h; u > end - 45.0 / a - 45.0; u -= h)
    sum += std::exp(-a * std::log1p(std::exp(-u)) - b * std::log1p(std::exp(u)));
  return sum * h * std::exp(log_front);
}

constexpr int kDraws = 20'000;

std::vector<double> draws(const std::function<double(RandomStream&)>& draw) {
  RandomStream stream(20261121, 5);
  std::vector<double> x(kDraws);
  for (double& v : x) v = draw(stream);
  std::sort(x.begin(), x.end());
  return x;
}

/// sqrt(n) D; above 1.95 with probability 0.001.
double kolmogorov_smirnov(const std::vector<double>& sorted,
                          const std::function<double(double)>& cdf, int stride = 1) {
  const double n = static_cast<double>(sorted.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < sorted.size(); i += stride) {
    const double p = cdf(sorted[i]);
    const double below = static_cast<double>(i) / n;
    distance = std::max({distance, p - below, below + 1.0 / n - p});
  }
  return distance * std::sqrt(n);
}

void expect_moments(const std::vector<double>& x, double mean, double variance,
                    double fourth_central) {
  const double n = static_cast<double>(x.size());
  double sum = 0.0, squares = 0.0;
  for (const double v : x) sum += v;
  for (const double v : x) squares += (v - mean) * (v - mean);
  EXPECT_NEAR(sum / n, mean, 3.3 * std::sqrt(variance / n));
  EXPECT_NEAR(squares / n, variance, 3.3 * std::sqrt((fourth_central - variance * variance) / n));
}

TEST(RandomStream, UniformIsUniformAndOpen) {
  const auto x = draws([](RandomStream& s) { return s.uniform(); });
  EXPECT_GT(x.front(), 0.0);
  EXPECT_LT(x.back(), 1.0);
  EXPECT_LT(kolmogorov_smirnov(x, [](double v) { return v; }), 1.95);
}

TEST(RandomStream, NormalIsNormal) {
  const auto x = draws([](RandomStream& s) { return s.normal(); });
  EXPECT_LT(kolmogorov_smirnov(x, [](double v) { return 0.5 * std::erfc(-v / std::sqrt(2.0)); }),
            1.95);
  expect_moments(x, 0.0, 1.0, 3.0);
}

// Both of a Box-Muller pair are handed out: neighbours must not correlate, nor their squares.
TEST(RandomStream, NeighbouringNormalsAreIndependent) {
  RandomStream stream(3, 4);
  double product = 0.0, squares = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double a = stream.normal(), b = stream.normal();
    product += a * b;
    squares += (a * a - 1.0) * (b * b - 1.0);
  }
  EXPECT_LT(std::abs(product), 3.3 * std::sqrt(kDraws));
  EXPECT_LT(std::abs(squares), 3.3 * 2.0 * std::sqrt(kDraws));
}

TEST(RandomStream, ExponentialIsExponential) {
  const auto x = draws([](RandomStream& s) { return s.exponential(); });
  EXPECT_LT(kolmogorov_smirnov(x, [](double v) { return -std::expm1(-v); }), 1.95);
  expect_moments(x, 1.0, 1.0, 9.0);
}

TEST(RandomStream, GammaIsGammaAtEveryShape) {
  for (const double shape : {0.02, 0.25, 0.6, 1.0, 1.5, 4.0, 30.0, 5000.0}) {
    SCOPED_TRACE(shape);
    const auto x = draws([&](RandomStream& s) { return s.gamma(shape); });
    EXPECT_LT(kolmogorov_smirnov(x, [&](double v) { return gamma_cdf(shape, v); }), 1.95);
    expect_moments(x, shape, shape, 3.0 * shape * shape + 6.0 * shape);
  }
}

TEST(RandomStream, BetaIsBetaAtEveryShape) {
  const std::pair<double, double> shapes[] = {{0.3, 0.2}, {0.8, 2.4}, {1.0, 1.0}, {5.0, 40.0}};
  for (const auto& [a, b] : shapes) {
    SCOPED_TRACE(testing::Message() << a << " " << b);
    const auto x = draws([&, a = a, b = b](RandomStream& s) { return s.beta(a, b); });
    // Every 200th order statistic: the oracle integrates numerically.
    EXPECT_LT(
        kolmogorov_smirnov(x, [a = a, b = b](double v) { return beta_cdf(a, b, v); }, 200), 1.95);
    const double mean = a / (a + b), variance = mean * (1.0 - mean) / (a + b + 1.0);
    const double excess = 6.0 * ((a - b) * (a - b) * (a + b + 1.0) - a * b * (a + b + 2.0)) /
                          (a * b * (a + b + 2.0) * (a + b + 3.0));
    expect_moments(x, mean, variance, (3.0 + excess) * variance * variance);
  }
}

// Shapes so small that both gammas underflow: still 0 or 1 with the right mean, never NaN.
TEST(RandomStream, BetaOfTinyShapesIsACoin) {
  const auto x = draws([](RandomStream& s) { return s.beta(3e-6, 1e-6); });
  double mean = 0.0;
  for (const double v : x) {
    ASSERT_TRUE(v >= 0.0 && v <= 1.0);
    mean += v / kDraws;
  }
  EXPECT_NEAR(mean, 0.75, 3.3 * std::sqrt(0.75 * 0.25 / kDraws));
}

}  // namespace
}  // namespace tenure
