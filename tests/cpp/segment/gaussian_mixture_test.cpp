#include "tenure/segment/gaussian_mixture.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

// The passes of every register width, also those that this machine would not pick: compiled for the
// baseline, where the compiler splits wide vectors.
#include "../../../cpp/src/segment/gaussian_mixture_block.hpp"
#include "tenure/segment/gaussian_mixture_information.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

using namespace detail;
using Real = long double;

/// A mixture with random factors, and rows with weights.
struct Case {
  std::int64_t n, d, k;
  bool diagonal;
  std::vector<double> x, weight, shift, mean, upper, constant;

  Case(std::int64_t rows, std::int64_t features, std::int64_t components, bool diagonal_)
      : n(rows), d(features), k(components), diagonal(diagonal_), shift(padded(features)) {
    RandomStream random(2, static_cast<std::uint64_t>(rows * 1000 + features * 10 + components));
    for (std::int64_t i = 0; i < n * d; ++i) x.push_back(2 * random.normal());
    for (std::int64_t i = 0; i < n; ++i) weight.push_back(random.uniform());
    for (std::int64_t j = 0; j < d; ++j) shift[j] = random.normal();
    for (std::int64_t i = 0; i < k * d; ++i) mean.push_back(random.normal());
    for (std::int64_t c = 0; c < k; ++c) constant.push_back(random.normal());
    for (std::int64_t c = 0; c < k; ++c)
      for (std::int64_t a = 0; a < (diagonal ? 1 : d); ++a)
        for (std::int64_t b = 0; b < d; ++b)
          upper.push_back(diagonal || a == b ? 0.5 + random.uniform()
                          : a < b            ? 0.3 * random.normal()
                                             : 0.0);
  }

  Real y(std::int64_t row, std::int64_t c, std::int64_t b) const {
    const auto z = [&](std::int64_t a) {
      return static_cast<Real>(x[row * d + a] - shift[a]) - mean[c * d + a];
    };
    if (diagonal) return z(b) * upper[c * d + b];
    Real sum = 0;
    for (std::int64_t a = 0; a <= b; ++a) sum += z(a) * upper[(c * d + a) * d + b];
    return sum;
  }
  Real log_part(std::int64_t row, std::int64_t c) const {
    Real squared = 0;
    for (std::int64_t b = 0; b < d; ++b) squared += y(row, c, b) * y(row, c, b);
    return constant[c] - squared / 2;
  }
};

template <int Bytes>
void equals_the_definition() {
  for (const bool diagonal : {false, true})
    for (const std::int64_t d : {1, 2, 3, 4, 5, 6, 7, 8, 11})
      for (const std::int64_t k : {1, 2, 5})
        for (const std::int64_t n : {1, 7, 64, 70}) {
          SCOPED_TRACE(testing::Message()
                       << Bytes << ' ' << diagonal << ' ' << d << ' ' << k << ' ' << n);
          const Case c(n, d, k, diagonal);
          const std::vector<double> factor = diagonal ? c.upper : pack_factors(c.upper, k, d);
          MixtureMoments moments(k, d, diagonal);
          std::vector<double> density(n), share(n * k);
          std::vector<std::int32_t> label(n);
          const MixtureTask task{.rows = {c.x.data(), n, d, c.shift.data(), c.weight.data()},
                                 .components = k,
                                 .diagonal = diagonal,
                                 .shared = false,
                                 .mean = c.mean.data(),
                                 .factor = factor.data(),
                                 .constant = c.constant.data(),
                                 .moments = &moments,
                                 .log_density = density.data(),
                                 .responsibility = share.data(),
                                 .label = label.data()};
          const MixtureTotals totals = MixturePass<Bytes>(task).run(0, n);

          Real log_likelihood = 0, entropy = 0;
          std::vector<Real> held(k), first(k * d), second(moments.second.size());
          const std::int64_t size = std::ssize(second) / k;
          for (std::int64_t i = 0; i < n; ++i) {
            Real sum = 0, best = -INFINITY;
            for (std::int64_t j = 0; j < k; ++j) {
              sum += std::exp(c.log_part(i, j));
              best = std::max(best, c.log_part(i, j));
            }
            ASSERT_NEAR(density[i], static_cast<double>(std::log(sum)),
                        1e-12 * (1 + std::abs(density[i])));
            ASSERT_EQ(c.log_part(i, label[i]), best);
            log_likelihood += c.weight[i] * std::log(sum);
            for (std::int64_t j = 0; j < k; ++j) {
              const Real r = std::exp(c.log_part(i, j)) / sum;
              ASSERT_NEAR(share[i * k + j], static_cast<double>(r), 1e-12);
              entropy -= r > 0 ? c.weight[i] * r * std::log(r) : 0;
              held[j] += c.weight[i] * r;
              std::int64_t at = j * size;
              for (std::int64_t a = 0; a < d; ++a) {
                first[j * d + a] += c.weight[i] * r * c.y(i, j, a);
                for (std::int64_t b = diagonal ? a : 0; b <= a; ++b)
                  second[at++] += c.weight[i] * r * c.y(i, j, a) * c.y(i, j, b);
              }
            }
          }
          // Sums of at most 70 terms of size up to a hundred.
          ASSERT_NEAR(totals.log_likelihood, static_cast<double>(log_likelihood), 1e-10);
          ASSERT_NEAR(totals.entropy, static_cast<double>(entropy), 1e-11);
          for (std::size_t i = 0; i < held.size(); ++i)
            ASSERT_NEAR(moments.held[i], static_cast<double>(held[i]), 1e-12);
          for (std::size_t i = 0; i < first.size(); ++i)
            ASSERT_NEAR(moments.first[i], static_cast<double>(first[i]), 1e-10);
          for (std::size_t i = 0; i < second.size(); ++i)
            ASSERT_NEAR(moments.second[i], static_cast<double>(second[i]), 1e-9);
        }
}

TEST(GaussianMixtureBlock, EqualsTheDefinitionInEveryWidth) {
  equals_the_definition<16>();
  equals_the_definition<32>();
  equals_the_definition<64>();
}

std::vector<double> two_clouds(std::int64_t n, std::int64_t d) {
  std::vector<double> x;
  for (std::int64_t i = 0; i < n; ++i) {
    RandomStream random(5, static_cast<std::uint64_t>(i));
    for (std::int64_t j = 0; j < d; ++j) x.push_back(random.normal() + (i % 3 ? 0.0 : 4.0));
  }
  return x;
}

constexpr CovarianceShape kShapes[] = {CovarianceShape::full, CovarianceShape::tied,
                                       CovarianceShape::diagonal, CovarianceShape::spherical};

TEST(GaussianMixture, LikelihoodNeverFalls) {
  const std::vector<double> x = two_clouds(600, 3);
  for (const CovarianceShape shape : kShapes) {
    const GaussianMixtureFit fit = fit_gaussian_mixture(
        {x, 3},
        {.components = 3, .shape = shape, .regularisation = 0.0, .tolerance = 1e-9, .lloyd = false},
        {}, {});
    ASSERT_GT(fit.lower_bound.size(), 10U);
    for (std::size_t i = 1; i < fit.lower_bound.size(); ++i)
      ASSERT_GE(fit.lower_bound[i], fit.lower_bound[i - 1] - 1e-14 * -fit.lower_bound[i]);
    EXPECT_TRUE(fit.converged);
    EXPECT_GE(fit.log_likelihood / 600.0, fit.lower_bound.back() - 1e-13);
  }
}

TEST(GaussianMixture, TheThreadCountNeverChangesABit) {
  const std::vector<double> x = two_clouds(30'000, 4);
  const GaussianMixtureSettings settings{.components = 2, .max_iterations = 9, .restarts = 2};
  const GaussianMixtureFit one = fit_gaussian_mixture({x, 4}, settings, {}, {.threads = 1});
  const GaussianMixtureErrors errors = gaussian_mixture_errors({x, 4}, one.mixture, true, {});
  ASSERT_TRUE(errors.identified);
  for (const int threads : {2, 3, 7}) {
    const GaussianMixtureFit many =
        fit_gaussian_mixture({x, 4}, settings, {}, {.threads = threads});
    EXPECT_EQ(one.mixture.mean, many.mixture.mean);
    EXPECT_EQ(one.mixture.covariance, many.mixture.covariance);
    EXPECT_EQ(one.lower_bound, many.lower_bound);
    EXPECT_EQ(one.entropy, many.entropy);
    const auto of = gaussian_mixture_errors({x, 4}, one.mixture, true, {.threads = threads});
    EXPECT_EQ(errors.mean, of.mean);
    EXPECT_EQ(errors.weight, of.weight);
  }
}

TEST(GaussianMixture, OneComponentHasTheMeanAndCovarianceOfTheRows) {
  const std::vector<double> x{1, 2, 3, 6, 5, 1, 7, 3};
  const GaussianMixtureFit fit =
      fit_gaussian_mixture({x, 2}, {.components = 1, .regularisation = 0.0}, {}, {});
  EXPECT_DOUBLE_EQ(fit.mixture.mean[0], 4.0);
  EXPECT_DOUBLE_EQ(fit.mixture.mean[1], 3.0);
  EXPECT_NEAR(fit.mixture.covariance[0], 5.0, 1e-14);
  EXPECT_NEAR(fit.mixture.covariance[1], -0.5, 1e-14);
  EXPECT_NEAR(fit.mixture.covariance[3], 3.5, 1e-14);
  EXPECT_NEAR(fit.log_likelihood,
              -4.0 * (std::log(2 * std::numbers::pi) + 0.5 * std::log(5.0 * 3.5 - 0.25) + 1.0),
              1e-13);
  const GaussianMixtureErrors errors = gaussian_mixture_errors({x, 2}, fit.mixture, false, {});
  EXPECT_NEAR(errors.mean[0], std::sqrt(5.0 / 4), 1e-14);
  EXPECT_EQ(errors.weight[0], 0.0);
}

TEST(GaussianMixture, RefusesWhatCollapses) {
  const std::vector<double> point(20, 3.0);
  EXPECT_THROW(fit_gaussian_mixture({point, 2}, {.components = 1, .regularisation = 0.0}, {}, {}),
               InvalidInput);
  std::vector<double> line;
  for (int i = 0; i < 40; ++i) line.insert(line.end(), {0.1 * i, 0.3 * i});
  EXPECT_THROW(fit_gaussian_mixture({line, 2}, {.components = 1, .regularisation = 0.0}, {}, {}),
               InvalidInput);
  const GaussianMixtureFit fit = fit_gaussian_mixture({point, 2}, {.components = 2}, {}, {});
  EXPECT_NEAR(fit.mixture.covariance[0], 1e-6, 1e-18);
  EXPECT_EQ(fit.mixture.weight[0] + fit.mixture.weight[1], 1.0);
}

TEST(GaussianMixture, NamesTheBadRowAndSetting) {
  std::vector<double> x = two_clouds(30, 2);
  x[13] = NAN;
  try {
    fit_gaussian_mixture({x, 2}, {.components = 2}, {}, {});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.argument(), "X");
    EXPECT_EQ(error.row(), 6);
  }
  x[13] = 0.0;
  EXPECT_THROW(fit_gaussian_mixture({x, 2}, {.components = 31}, {}, {}), InvalidInput);
  EXPECT_THROW(fit_gaussian_mixture({x, 2}, {.regularisation = -1.0}, {}, {}), InvalidInput);
  const std::vector<double> half{0.2, 0.2};
  EXPECT_THROW(fit_gaussian_mixture({x, 2}, {.components = 2}, {.weight = half}, {}), InvalidInput);
}

TEST(GaussianMixture, DrawsHaveTheMomentsOfTheMixture) {
  const GaussianMixture mixture{2,
                                2,
                                CovarianceShape::full,
                                {0.3, 0.7},
                                {0, 0, 10, 20},
                                {},
                                {1.0, 0.5, 0.0, 2.0, 0.5, 0.0, 0.0, 1.0}};
  const std::int64_t n = 40'000;
  const GaussianMixtureSample drawn = sample_gaussian_mixture(mixture, n, 4, {});
  double share = 0, first = 0, product = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (drawn.label[i] != 0) continue;
    share += 1;
    first += drawn.values[2 * i];
    product += drawn.values[2 * i] * drawn.values[2 * i + 1];
  }
  // S = (U U')^-1 with U = (1 1/2; 0 2): S_12 = -1/4, var(x1 x2) = S11 S22 + S12^2 < 0.4. Four
  // standard errors each.
  EXPECT_NEAR(share / n, 0.3, 4 * std::sqrt(0.21 / n));
  EXPECT_NEAR(first / share, 0.0, 4 / std::sqrt(share));
  EXPECT_NEAR(product / share, -0.25, 4 * std::sqrt(0.4 / share));
}

}  // namespace
}  // namespace tenure::segment
