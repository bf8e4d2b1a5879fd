#include "tenure/clv/covariates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <type_traits>

#include "../reference_table.hpp"
#include "simulated.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/customer_parameters.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using tenure::testing::read_reference;
using testing::Columns;
using testing::simulate;

constexpr BgNbdParameters kUsual{0.55, 6.0, 0.9, 2.5};

/// A model's kernel, parameters, and what covariates of purchases and of dropout move.
struct Kind {
  const RowKernel& rows;
  std::vector<double> at, purchase, dropout;
};

template <class Model>
Kind kind() {
  const std::vector<double> four{0.55, 6.0, 0.9, 2.5};
  if constexpr (std::is_same_v<Model, ParetoNbd>)
    return {pareto_nbd_rows(), four, {0, -1, 0, 0}, {0, 0, 0, -1}};
  if constexpr (std::is_same_v<Model, GGompertzNbd>)
    return {ggompertz_nbd_rows(), {0.55, 6.0, 0.05, 0.9, 0.4}, {0, -1, 0, 0, 0}, {0, 0, 0, 0, -1}};
  if constexpr (std::is_same_v<Model, Nbd>) return {nbd_rows(), {0.55, 6.0}, {0, -1}, {}};
  const RowKernel& rows = std::is_same_v<Model, MbgNbd> ? mbg_nbd_rows() : bg_nbd_rows();
  return {rows, four, {0, -1, 0, 0}, {0, 0, 1, 1}};
}

/// Three columns, the first in purchases and in dropout, the second in purchases, the third with
/// one coefficient in both; without dropout, each in purchases.
struct Design {
  std::vector<double> z;
  std::vector<std::int64_t> column;
  std::vector<double> sign;

  template <class Model>
  static Design of(std::int64_t rows, std::uint64_t seed, bool few) {
    Design d;
    RandomStream random(seed, 0);
    for (std::int64_t i = 0; i < 3 * rows; ++i)
      d.z.push_back(few ? static_cast<double>(random.below(2)) : random.uniform() - 0.5);
    const auto add = [&d](std::int64_t column, const std::vector<double>& moves) {
      d.column.push_back(column);
      d.sign.insert(d.sign.end(), moves.begin(), moves.end());
    };
    const auto [_, at, purchase, dropout] = kind<Model>();
    std::vector<double> both = purchase;
    for (std::size_t q = 0; q < dropout.size(); ++q) both[q] += dropout[q];
    add(0, purchase);
    if (!dropout.empty()) add(0, dropout);
    add(1, purchase);
    add(2, both);
    return d;
  }
  Effects view() const { return {z, 3, column, sign}; }
};

template <class Model>
class Covariates : public ::testing::Test {};
using Models = ::testing::Types<BgNbd, GGompertzNbd, MbgNbd, Nbd, ParetoNbd>;
TYPED_TEST_SUITE(Covariates, Models);

TYPED_TEST(Covariates, LikelihoodEqualsTheReferenceWithItsDerivatives) {
  // Arguments, x, t_x and T, the value (not among derivatives of GGompertz/NBD), gradient, Hessian.
  constexpr std::size_t kOwn = kParameters<TypeParam>, kHessian = kOwn * (kOwn + 1) / 2;
  constexpr bool kValue = !std::is_same_v<TypeParam, GGompertzNbd>;
  constexpr std::size_t kGradientAt = kOwn + 3 + kValue, kHessianAt = kGradientAt + kOwn;
  const auto table = read_reference("clv_" + std::string(TypeParam::kName) +
                                    (kValue ? "_likelihood.csv" : "_derivatives.csv"));
  const std::vector<double> some{0.4, -0.3, 0.2, 0.5};
  ASSERT_GE(table.rows.size(), 100u);
  for (std::size_t n = 0; n < table.rows.size(); ++n) {
    const auto& row = table.rows[n];
    ASSERT_EQ(row.size(), kHessianAt + kHessian);
    const Columns c{{row[kOwn]}, {row[kOwn + 1]}, {row[kOwn + 2]}};
    const Design d = Design::of<TypeParam>(1, n, false);
    const std::vector<double> coefficients(some.begin(), some.begin() + std::ssize(d.column));
    const std::size_t all = kOwn + coefficients.size();
    // By the chain rule: the logarithms of a row's own parameters are linear in all of these.
    double jacobian[kMostParameters][kMostParameters + 4] = {};
    std::vector<double> start(kOwn);
    for (std::size_t q = 0; q < kOwn; ++q) {
      double change = 0.0;
      jacobian[q][q] = 1.0;
      for (std::size_t k = 0; k < coefficients.size(); ++k) {
        jacobian[q][kOwn + k] = d.sign[kOwn * k + q] * d.z[static_cast<std::size_t>(d.column[k])];
        change += jacobian[q][kOwn + k] * coefficients[k];
      }
      start[q] = row[q] * std::exp(-change);
    }
    const auto e = covariate_log_likelihood(kind<TypeParam>().rows, start, coefficients, c.view(),
                                            d.view(), {});
    double steepest = 0.0, sharpest = 0.0;
    for (std::size_t i = 0; i < kOwn; ++i)
      steepest = std::max(steepest, std::abs(row[kGradientAt + i]));
    for (std::size_t i = 0; i < kHessian; ++i)
      sharpest = std::max(sharpest, std::abs(row[kHessianAt + i]));
    // The parameters are those of the table to a rounding, which what is steep tells.
    if constexpr (kValue) {
      const double value = row[kOwn + 3];
      EXPECT_NEAR(e.value, value, 1e-12 * std::max(1.0, std::abs(value)) + 1e-14 * steepest);
    }
    for (std::size_t i = 0; i < all; ++i) {
      double gradient = 0.0;
      for (std::size_t q = 0; q < kOwn; ++q) gradient += jacobian[q][i] * row[kGradientAt + q];
      EXPECT_NEAR(e.gradient[i], gradient, 1e-11 * steepest + 2e-14 * sharpest + 1e-14);
      for (std::size_t j = 0; j < all; ++j) {
        double second = 0.0;
        for (std::size_t q = 0; q < kOwn; ++q)
          for (std::size_t p = 0; p < kOwn; ++p)
            second += jacobian[q][i] * jacobian[p][j] *
                      row[kHessianAt + std::max(p, q) * (std::max(p, q) + 1) / 2 + std::min(p, q)];
        EXPECT_NEAR(e.hessian[i * all + j], second, 1e-10 * sharpest + 1e-14);
      }
    }
  }
}

TYPED_TEST(Covariates, WithoutEffectItIsTheModelWithout) {
  const Columns c = simulate(5000, kUsual, 3);
  const auto [rows, at, purchase, dropout] = kind<TypeParam>();
  std::array<double, kMostParameters> values{};
  std::ranges::copy(at, values.begin());
  const auto plain = TypeParam::log_likelihood(as_parameters<TypeParam>(values), c.view(), {});
  for (const bool few : {false, true}) {
    const Design d = Design::of<TypeParam>(5000, 4, few);
    const std::vector<double> none(d.column.size(), 0.0);
    const auto e = covariate_log_likelihood(rows, at, none, c.view(), d.view(), {});
    EXPECT_NEAR(e.value, plain.value, 1e-11 * std::abs(plain.value));
    for (std::size_t i = 0; i < at.size(); ++i) {
      EXPECT_NEAR(e.gradient[i], plain.gradient[i], 1e-8);
      for (std::size_t j = 0; j <= i; ++j)
        EXPECT_NEAR(e.hessian[i * e.gradient.size() + j], plain.second(i, j), 1e-8);
    }
  }
}

TYPED_TEST(Covariates, HasTheSameBitsForEveryThreadCount) {
  // GGompertz/NBD costs the most, and has no optimum here: a few steps tell.
  constexpr bool kCostly = std::is_same_v<TypeParam, GGompertzNbd>;
  constexpr int kRows = kCostly ? 3000 : 9000;
  const Columns c = simulate(kRows, kUsual, 5);
  const Kind model = kind<TypeParam>();
  for (const bool few : {false, true}) {
    const Design d = Design::of<TypeParam>(kRows, 6, few);
    const std::vector<double> some{0.1, 0.2, -0.1, 0.05};
    const std::vector<double> coefficients(some.begin(), some.begin() + std::ssize(d.column));
    const auto expect = [&](const Execution& execution) {
      const CustomerGroups groups(d.view(), kParameters<TypeParam>, kRows, execution);
      const Buffer<double> out = predict_customers<TypeParam>(
          groups, model.at, coefficients, c.view(), execution,
          [](const auto& p, const RepeatPurchases& rows, const Execution& inner) {
            return TypeParam::expected_purchases(p, rows, 10.0, 0.0, inner);
          });
      return std::vector<double>(out.span().begin(), out.span().end());
    };
    const auto fit = [&](int threads) {
      ElasticOptions options;
      if (kCostly) options.max_iterations = 4;
      return fit_with_covariates(model.rows, model.at, c.view(), d.view(), options, {threads});
    };
    const Fit one = fit(1);
    ASSERT_EQ(one.parameters.size(), kParameters<TypeParam> + d.column.size());
    if (!kCostly) {
      ASSERT_EQ(one.status, optim::Status::converged);
      EXPECT_LE(one.gradient_norm, 1e-9);
    }
    const auto expected = expect({1});
    for (const int threads : {2, 5}) {
      const Fit more = fit(threads);
      EXPECT_EQ(more.parameters, one.parameters);
      EXPECT_EQ(more.log_likelihood, one.log_likelihood);
      if (!kCostly) {
        EXPECT_EQ(more.log_covariance, one.log_covariance);
      }
      EXPECT_EQ(expect({threads}), expected);
    }
  }
}

TEST(CustomerGroups, GroupsAreThoseOfEqualRows) {
  const std::vector<double> z{1, 2, 0.0, 2, 1, 2, -0.0, 2};
  const std::vector<std::int64_t> column{0};
  const std::vector<double> sign{0, -1, 0, 0};
  std::vector<double> many;
  for (int i = 0; i < 40; ++i) many.insert(many.end(), z.begin(), z.end());
  const CustomerGroups groups({many, 2, column, sign}, 4, 160, {});
  ASSERT_EQ(groups.groups(), 2);  // both zeros are one value
  EXPECT_EQ(groups.begin(1), 80);
  for (std::int64_t i = 0; i < 80; ++i) EXPECT_EQ(groups.row(i), 2 * i);
  const std::vector<double> at{1, 2, 3, 4}, coefficient{0.5};
  EXPECT_DOUBLE_EQ(groups.parameters(0, at, coefficient)[1], 2.0 * std::exp(-0.5));
  EXPECT_EQ(groups.parameters(1, at, coefficient)[1], 2.0);
}

TEST(CustomerGroups, NameTheBadRow) {
  std::vector<double> z(10, 1.0);
  const std::vector<std::int64_t> column{0};
  const std::vector<double> sign{0, -1, 0, 0}, at{1, 2, 3, 4}, coefficient{1.0};
  z[3] = 1e4;
  const CustomerGroups groups({z, 1, column, sign}, 4, 10, {});
  try {
    groups.parameters(3, at, coefficient);
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.row(), 3);
  }
  z[7] = std::nan("");
  try {
    require_valid({z, 1, column, sign}, 4, 10, {});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.row(), 7);
  }
  EXPECT_THROW(require_valid({z, 1, column, sign}, 4, 9, {}), InvalidInput);
  const std::vector<double> moves_r{1, 0, 0, 0};
  EXPECT_THROW(require_valid({z, 1, column, moves_r}, 4, 10, {}), InvalidInput);
  EXPECT_THROW(require_valid({z, 1, column, sign}, 5, 10, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure::clv
