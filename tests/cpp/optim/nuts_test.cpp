#include "tenure/optim/nuts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "tenure/optim/diagnostics.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::optim {
namespace {

using Starts = std::vector<std::vector<double>>;

/// One coordinate, or a function of the point, of all draws.
template <class Of>
std::vector<double> each(const NutsDraws& draws, std::size_t n, const Of& of) {
  std::vector<double> out;
  for (std::size_t i = 0; i < draws.point.size(); i += n) out.push_back(of(&draws.point[i]));
  return out;
}

double mean(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

/// Within five Monte Carlo standard errors of the truth, which are small.
void expect_mean(const std::vector<double>& v, std::int64_t chains, double truth, double error) {
  const Diagnostics d = diagnose({v, chains});
  EXPECT_LT(d.mcse, error);
  EXPECT_LT(d.rhat, 1.01);
  EXPECT_NEAR(mean(v), truth, 5.0 * d.mcse);
}

constexpr double kSd1 = 0.01, kSd2 = 100.0, kRho = 0.98;

/// Two normals of very different scale, strongly correlated.
double correlated(std::span<const double> p, std::span<double> g) {
  const double a = (p[0] - 3.0) / kSd1, b = (p[1] + 5.0) / kSd2, k = 1.0 / (1.0 - kRho * kRho);
  g[0] = -k * (a - kRho * b) / kSd1;
  g[1] = -k * (b - kRho * a) / kSd2;
  return -0.5 * k * (a * a - 2.0 * kRho * a * b + b * b);
}

TEST(Nuts, SamplesACorrelatedGaussian) {
  for (const bool dense : {true, false}) {
    NutsOptions options;
    options.dense = dense;
    options.draws = 2000;
    const NutsDraws draws =
        nuts(correlated, Starts{{3.0, 0.0}, {3.02, -5.0}, {2.98, -9.0}}, options, Execution{});
    const auto of = [&](auto f) { return each(draws, 2, f); };
    expect_mean(of([](const double* p) { return p[0]; }), 3, 3.0, 0.1 * kSd1);
    expect_mean(of([](const double* p) { return p[1]; }), 3, -5.0, 0.1 * kSd2);
    const auto a = [](const double* p) { return (p[0] - 3.0) / kSd1; };
    const auto b = [](const double* p) { return (p[1] + 5.0) / kSd2; };
    expect_mean(of([&](const double* p) { return a(p) * a(p); }), 3, 1.0, 0.1);
    expect_mean(of([&](const double* p) { return b(p) * b(p); }), 3, 1.0, 0.1);
    expect_mean(of([&](const double* p) { return a(p) * b(p); }), 3, kRho, 0.1);
    EXPECT_EQ(std::accumulate(draws.divergent.begin(), draws.divergent.end(), 0), 0);
  }
}

TEST(Nuts, ADenseMetricNeedsFewerSteps) {
  const Starts starts{{3.0, -5.0}, {3.01, 0.0}};
  const auto steps = [&](bool dense) {
    NutsOptions options;
    options.dense = dense;
    const NutsDraws draws = nuts(correlated, starts, options, Execution{});
    double sum = 0.0;
    for (const std::int64_t depth : draws.depth) sum += std::ldexp(1.0, static_cast<int>(depth));
    return sum;
  };
  EXPECT_LT(1.4 * steps(true), steps(false));
}

TEST(Nuts, BlocksOfOneCoordinateAreTheVariancesAlone) {
  const Starts starts{{3.0, -5.0}, {3.01, 0.0}};
  NutsOptions blocks, variances;
  blocks.draws = variances.draws = 50;
  blocks.block = {0, 1};
  variances.dense = false;
  EXPECT_EQ(nuts(correlated, starts, blocks, Execution{}).point,
            nuts(correlated, starts, variances, Execution{}).point);
  blocks.block = {0};
  EXPECT_THROW(nuts(correlated, starts, blocks, Execution{}), InvalidInput);
}

TEST(Nuts, SamplesAGammaInItsLogarithm) {
  // Shape 3, rate 2: u = log x has the density 3 u - 2 e^u.
  const auto density = [](std::span<const double> p, std::span<double> g) {
    const double x = std::exp(p[0]);
    g[0] = 3.0 - 2.0 * x;
    return 3.0 * p[0] - 2.0 * x;
  };
  NutsOptions options;
  options.draws = 4000;
  const NutsDraws draws = nuts(density, Starts{{0.0}, {2.0}, {-2.0}, {1.0}}, options, Execution{});
  const auto power = [&](int k) {
    return each(draws, 1, [k](const double* p) { return std::exp(k * p[0]); });
  };
  expect_mean(power(1), 4, 1.5, 0.03);
  expect_mean(power(2), 4, 3.0, 0.1);    // 3 * 4 / 2^2
  expect_mean(power(3), 4, 7.5, 0.4);    // 3 * 4 * 5 / 2^3
  expect_mean(power(-1), 4, 1.0, 0.03);  // 2 / (3 - 1)
}

TEST(Nuts, AcceptanceReachesItsTarget) {
  // Larger targets need smaller steps; in one dimension each step size has one acceptance.
  double before = std::numeric_limits<double>::infinity();
  for (const double target : {0.6, 0.8, 0.95}) {
    NutsOptions options;
    options.target_accept = target;
    const NutsDraws draws = nuts(correlated, Starts{{3.0, -5.0}}, options, Execution{});
    EXPECT_LT(draws.step_size[0], before);
    before = draws.step_size[0];
  }
}

TEST(Nuts, SeesTheNeckOfAFunnel) {
  // [Neal 2003]: v ~ N(0, 3^2), x_i ~ N(0, e^v). No step size fits both its ends.
  const auto funnel = [](std::span<const double> p, std::span<double> g) {
    const double v = p[0], precision = std::exp(-v);
    double squares = 0.0;
    for (std::size_t i = 1; i < p.size(); ++i) {
      squares += p[i] * p[i];
      g[i] = -p[i] * precision;
    }
    const double n = static_cast<double>(p.size() - 1);
    g[0] = -v / 9.0 - 0.5 * n + 0.5 * squares * precision;
    return -v * v / 18.0 - 0.5 * n * v - 0.5 * squares * precision;
  };
  const std::vector<double> start(9, 0.5);
  const NutsDraws draws = nuts(funnel, {start, start, start, start}, {}, Execution{});
  EXPECT_GT(std::accumulate(draws.divergent.begin(), draws.divergent.end(), 0), 0);
}

TEST(Nuts, StaysWhereTheDensityIsFinite) {
  // Exponential on x > 0, NaN elsewhere.
  const auto density = [](std::span<const double> p, std::span<double> g) {
    g[0] = -1.0;
    return p[0] > 0.0 ? -p[0] : std::numeric_limits<double>::quiet_NaN();
  };
  NutsOptions options;
  options.draws = 4000;
  const NutsDraws draws = nuts(density, Starts{{1.0}, {2.0}}, options, Execution{});
  for (const double x : draws.point) ASSERT_GT(x, 0.0);
}

TEST(Nuts, IsTheSameForAnyNumberOfThreadsAndDiffersByChainAndSeed) {
  const Starts starts(5, {3.0, -5.0});
  NutsOptions options;
  options.draws = 50;
  options.warmup = 60;
  const NutsDraws one = nuts(correlated, starts, options, Execution{1});
  const NutsDraws three = nuts(correlated, starts, options, Execution{3});
  EXPECT_EQ(one.point, three.point);
  EXPECT_EQ(one.energy, three.energy);
  EXPECT_EQ(one.step_size, three.step_size);
  EXPECT_NE(one.point[0], one.point[100]);
  // A chain does not know how many there are.
  const NutsDraws alone = nuts(correlated, {starts[0]}, options, Execution{1});
  EXPECT_TRUE(std::equal(alone.point.begin(), alone.point.end(), one.point.begin()));
  options.seed = 1;
  EXPECT_NE(nuts(correlated, starts, options, Execution{1}).point, one.point);
}

TEST(Nuts, TreesAreNoDeeperThanAllowed) {
  NutsOptions options;
  options.dense = false;
  options.max_depth = 3;
  const NutsDraws draws = nuts(correlated, Starts{{3.0, -5.0}}, options, Execution{});
  EXPECT_EQ(*std::max_element(draws.depth.begin(), draws.depth.end()), 3);
}

TEST(Nuts, AnswersAnInterrupt) {
  int asked = 0;
  Interrupt interrupt([&] { return ++asked == 2; });
  NutsOptions options;
  options.warmup = 100'000'000;
  EXPECT_THROW(nuts(correlated, Starts{{3.0, -5.0}, {3.0, -5.0}}, options, {2, &interrupt}),
               Interrupted);
}

TEST(Nuts, NamesWhatIsWrong) {
  const Starts starts{{3.0, -5.0}};
  const auto with = [&](auto change) {
    NutsOptions options;
    change(options);
    try {
      nuts(correlated, starts, options, Execution{});
    } catch (const InvalidInput& e) {
      return e.argument();
    }
    return std::string();
  };
  EXPECT_EQ(with([](auto& o) { o.draws = 0; }), "draws");
  EXPECT_EQ(with([](auto& o) { o.warmup = -1; }), "warmup");
  EXPECT_EQ(with([](auto& o) { o.target_accept = 1.0; }), "target_accept");
  EXPECT_EQ(with([](auto& o) { o.max_depth = 0; }), "max_depth");
  EXPECT_EQ(with([](auto& o) { o.covariance = {1.0}; }), "covariance");
  EXPECT_EQ(with([](auto& o) { o.covariance = {1.0, 2.0, 2.0, 1.0}; }), "covariance");
  EXPECT_THROW(nuts(correlated, {}, {}, Execution{}), InvalidInput);
  EXPECT_THROW(nuts(correlated, {{1.0, 2.0}, {1.0}}, {}, Execution{}), InvalidInput);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(nuts(correlated, {{nan, 2.0}}, {}, Execution{}), InvalidInput);
}

}  // namespace
}  // namespace tenure::optim
