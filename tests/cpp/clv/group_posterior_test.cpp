#include "tenure/clv/group_posterior.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <numbers>

#include "simulated.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using testing::simulate;

std::vector<PriorTerm> one_each(std::size_t n, PriorFamily family, double first, double second) {
  std::vector<PriorTerm> out;
  for (std::size_t k = 0; k < n; ++k) {
    std::vector<double> weight(n);
    weight[k] = 1.0;
    out.push_back({family, first, second, weight});
  }
  return out;
}

/// Each of `groups` likelihoods is normal in every coordinate.
GroupModel normal_groups(const std::vector<double>& mean, double sd, std::size_t n) {
  GroupModel model{{},
                   one_each(n, PriorFamily::log_normal, 0.0, 2.0),
                   one_each(n, PriorFamily::half_normal, 0.5, 1.0)};
  for (const double m : mean) {
    PreparedLikelihood p{.parameters = n, .customers = 10.0};
    p.at = [=](std::span<const double> u, Order, const Execution&) {
      optim::Evaluation e{0.0, std::vector<double>(n), std::vector<double>(n * n)};
      for (std::size_t k = 0; k < n; ++k) {
        const double z = (u[k] - m) / sd;
        e.value -= 0.5 * z * z;
        e.gradient[k] = -z / sd;
        e.hessian[k * n + k] = -1.0 / (sd * sd);
      }
      return e;
    };
    p.starts = {std::vector<double>(n)};
    model.groups.push_back(p);
  }
  return model;
}

void expect_gradient(const GroupModel& model, const GroupCoordinates& c, std::uint64_t seed,
                     double tolerance) {
  RandomStream random(seed, 0);
  const std::size_t size = model.coordinates(), n = model.parameters();
  for (int repeat = 0; repeat < 10; ++repeat) {
    std::vector<double> x(size), gradient(size), scratch(size);
    for (std::size_t i = 0; i < size; ++i)
      x[i] = i < n ? 0.4 * random.normal() : i < 2 * n ? -1.0 + random.normal() : random.normal();
    const double value = group_log_density(model, c, x, gradient, Execution{});
    ASSERT_TRUE(std::isfinite(value));
    for (std::size_t i = 0; i < size; ++i) {
      const double step = 1e-4, at = x[i];
      const auto moved = [&](double by) {
        x[i] = at + by * step;
        return group_log_density(model, c, x, scratch, Execution{});
      };
      // Of fourth order.
      const double slope =
          (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * step);
      x[i] = at;
      EXPECT_NEAR(gradient[i], slope, tolerance * std::max(1.0, std::abs(value))) << i;
    }
  }
}

TEST(GroupDensity, HasTheGradientOfItsDifferences) {
  const GroupCoordinates c{{0.3, -0.2, 0.1, 0.7, 0.0, 2.0}, {0.0, 1.0, 30.0, 2.5, 400.0, 1e-8}};
  expect_gradient(normal_groups({0.2, -0.5, 1.0}, 0.3, 2), c, 3, 1e-9);
}

template <class Model>
class GroupsOf : public ::testing::Test {};
using Models = ::testing::Types<BgNbd, MbgNbd, ParetoNbd>;
TYPED_TEST_SUITE(GroupsOf, Models);

TYPED_TEST(GroupsOf, HaveTheGradientOfTheirDifferences) {
  const auto c = simulate(120, {0.5, 6.0, 0.8, 2.4}, 4);
  std::vector<std::int64_t> group;
  for (int i = 0; i < 120; ++i) group.push_back(i % 7 == 0 ? 1 : i % 2 == 0 ? 0 : 2);
  GroupModel model{prepare_groups(c.view(), group, 3, TypeParam::prepare, Execution{}),
                   {{PriorFamily::log_normal, 0.0, 1.5, {1, 0, 0, 0}},
                    {PriorFamily::log_normal, -3.0, 2.0, {1, -1, 0, 0}},
                    {PriorFamily::beta, 1.0, 1.0, {0, 0, 1, -1}},
                    {PriorFamily::log_normal, 0.7, 1.5, {0, 0, 1, 1}, true}},
                   one_each(4, PriorFamily::gamma, 1.0, 2.0)};
  GroupCoordinates at{std::vector<double>(12, 0.4), std::vector<double>(12, 3.0)};
  at.information[5] = 0.0;
  expect_gradient(model, at, 5, 1e-9);
}

TEST(GroupDensity, IsThatOfTheGroupsAndTheirPriors) {
  // By hand: one parameter, two groups.
  const auto model = normal_groups({0.2, -0.5}, 0.3, 1);
  const GroupCoordinates c{{0.2, -0.5}, {11.0, 0.0}};
  std::vector<double> x{0.1, -0.7, 0.9, -1.3}, gradient(4);
  const double told = group_log_density(model, c, x, gradient, Execution{});
  const double above = to_logarithms(c, 1, x);
  const double tau = std::exp(-0.7), mu = 0.1;
  const double w = 11.0 * tau * tau / (1.0 + 11.0 * tau * tau);
  EXPECT_NEAR(x[2], w * 0.2 + (1.0 - w) * mu + tau / std::sqrt(1.0 + 11.0 * tau * tau) * 0.9,
              1e-14);
  EXPECT_NEAR(x[3], mu - 1.3 * tau, 1e-14);
  const auto normal = [](double v, double m, double s) {
    return -0.5 * (v - m) * (v - m) / (s * s) - std::log(s) -
           0.5 * std::log(2.0 * std::numbers::pi);
  };
  const double expected = -0.5 * std::pow((x[2] - 0.2) / 0.3, 2) -
                          0.5 * std::pow((x[3] + 0.5) / 0.3, 2) + normal(x[2], mu, tau) +
                          normal(x[3], mu, tau) + normal(mu, 0.0, 2.0) + normal(tau, 0.0, 0.5) +
                          std::log(2.0) - 0.7;  // half normal, and dtau = tau dlog(tau)
  EXPECT_NEAR(told - above, expected, 1e-12);
}

TEST(GroupPosterior, IsThatOfNormalGroupsByQuadrature) {
  const std::vector<double> mean{0.9, -0.4, 0.1, 0.3};
  const double sd = 0.4;
  const auto model = normal_groups(mean, sd, 1);
  const auto got = sample_group_posterior(
      model, {.chains = 4, .draws = 2000, .warmup = 1000, .target_accept = 0.9, .seed = 3},
      Execution{});
  // Over log(tau); mu and the groups are normal given tau.
  double total = 0.0, log_tau = 0.0, first = 0.0, squares = 0.0;
  for (double v = -12.0; v < 4.0; v += 0.01) {
    const double tau = std::exp(v), variance = tau * tau + sd * sd;
    double precision = 1.0 / 4.0, sum = 0.0, log_density = -0.5 * tau * tau / 0.25 + v;
    for (const double m : mean) {
      precision += 1.0 / variance;
      sum += m / variance;
      log_density -= 0.5 * std::log(variance) + 0.5 * m * m / variance;
    }
    log_density += 0.5 * sum * sum / precision - 0.5 * std::log(precision);
    const double weight = std::exp(log_density), share = tau * tau / variance;
    const double of_group = share * mean[0] + (1.0 - share) * sum / precision;
    const double within =
        share * sd * sd + (1.0 - share) * (1.0 - share) / precision + of_group * of_group;
    total += weight;
    log_tau += weight * v;
    first += weight * of_group;
    squares += weight * within;
  }
  const auto draws = static_cast<double>(got.log_density.size());
  double m_tau = 0.0, m_first = 0.0, m_squares = 0.0;
  for (std::size_t i = 0; i < got.log_density.size(); ++i) {
    m_tau += got.point[6 * i + 1] / draws;
    m_first += got.point[6 * i + 2] / draws;
    m_squares += got.point[6 * i + 2] * got.point[6 * i + 2] / draws;
  }
  // Five Monte Carlo errors of 8,000 draws worth at least 2,000.
  EXPECT_NEAR(m_tau, log_tau / total, 5.0 * 1.0 / std::sqrt(2000.0));
  EXPECT_NEAR(m_first, first / total, 5.0 * 0.35 / std::sqrt(2000.0));
  EXPECT_NEAR(m_squares, squares / total, 5.0 * 0.5 / std::sqrt(2000.0));
  std::int64_t lost = 0;
  for (const auto d : got.divergent) lost += d;
  EXPECT_EQ(lost, 0);
}

TEST(GroupPosterior, HasTheSameBitsForAnyThreadsAndCountsItsSteps) {
  const auto c = simulate(90, {0.5, 6.0, 0.8, 2.4}, 4);
  std::vector<std::int64_t> group;
  for (int i = 0; i < 90; ++i) group.push_back(i % 3);
  const GroupModel model{prepare_groups(c.view(), group, 3, prepare_bg_nbd, Execution{}),
                         one_each(4, PriorFamily::log_normal, 0.0, 1.5),
                         one_each(4, PriorFamily::half_normal, 0.5, 1.0)};
  const PosteriorOptions options{.chains = 2, .draws = 20, .warmup = 30, .seed = 1};
  std::atomic<std::int64_t> steps{0};
  const auto one = sample_group_posterior(model, options, {1, nullptr, &steps});
  EXPECT_EQ(steps.load(), 100);
  EXPECT_EQ(sample_group_posterior(model, options, {5}).point, one.point);
}

TEST(GroupPosterior, NamesTheRow) {
  const auto c = simulate(5, {0.5, 6.0, 0.8, 2.4}, 4);
  const auto row_of = [&](std::vector<std::int64_t> group, const RepeatPurchases& rows) {
    try {
      prepare_groups(rows, group, 2, prepare_bg_nbd, Execution{});
    } catch (const InvalidInput& e) {
      return e.row();
    }
    return std::int64_t{-2};
  };
  EXPECT_EQ(row_of({0, 1, 0, 2, 1}, c.view()), 3);
  EXPECT_EQ(row_of({0, 1, 0, 1}, c.view()), -1);
  auto bad = c;
  bad.age[4] = -1.0;
  EXPECT_EQ(row_of({0, 1, 0, 1, 1}, bad.view()), 4);
}

}  // namespace
}  // namespace tenure::clv
