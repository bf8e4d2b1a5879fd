#include "tenure/clv/covariates.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "../reference_table.hpp"
#include "simulated.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/customer_parameters.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using tenure::testing::read_reference;
using testing::Columns;
using testing::simulate;

constexpr BgNbdParameters kUsual{0.55, 6.0, 0.9, 2.5};

template <class Model>
const RowKernel& kernel() {
  if constexpr (std::is_same_v<Model, ParetoNbd>) return pareto_nbd_rows();
  if constexpr (std::is_same_v<Model, MbgNbd>) return mbg_nbd_rows();
  return bg_nbd_rows();
}

/// Three columns, the first in purchases and in dropout, the second in purchases, the third with
/// one coefficient in both.
struct Design {
  std::vector<double> z;
  std::vector<std::int64_t> column{0, 0, 1, 2};
  std::vector<double> sign;

  template <class Model>
  static Design of(std::int64_t rows, std::uint64_t seed, bool few) {
    Design d;
    RandomStream random(seed, 0);
    for (std::int64_t i = 0; i < 3 * rows; ++i)
      d.z.push_back(few ? static_cast<double>(random.below(2)) : random.uniform() - 0.5);
    if constexpr (std::is_same_v<Model, ParetoNbd>)
      d.sign = {0, -1, 0, 0, 0, 0, 0, -1, 0, -1, 0, 0, 0, -1, 0, -1};
    else
      d.sign = {0, -1, 0, 0, 0, 0, 1, 1, 0, -1, 0, 0, 0, -1, 1, 1};
    return d;
  }
  Effects view() const { return {z, 3, column, sign}; }
};

template <class Model>
class Covariates : public ::testing::Test {};
using Models = ::testing::Types<BgNbd, MbgNbd, ParetoNbd>;
TYPED_TEST_SUITE(Covariates, Models);

TYPED_TEST(Covariates, LikelihoodEqualsTheReferenceWithItsDerivatives) {
  const auto table = read_reference("clv_" + std::string(TypeParam::kName) + "_likelihood.csv");
  const std::vector<double> coefficients{0.4, -0.3, 0.2, 0.5};
  for (std::size_t n = 0; n < table.rows.size(); ++n) {
    const auto& row = table.rows[n];
    const Columns c{{row[4]}, {row[5]}, {row[6]}};
    const Design d = Design::of<TypeParam>(1, n, false);
    // By the chain rule: the logarithms of the four are linear in all eight.
    double jacobian[4][8] = {};
    std::vector<double> start(4);
    for (std::size_t q = 0; q < 4; ++q) {
      double change = 0.0;
      jacobian[q][q] = 1.0;
      for (std::size_t k = 0; k < 4; ++k) {
        jacobian[q][4 + k] = d.sign[4 * k + q] * d.z[static_cast<std::size_t>(d.column[k])];
        change += jacobian[q][4 + k] * coefficients[k];
      }
      start[q] = row[q] * std::exp(-change);
    }
    const auto e =
        covariate_log_likelihood(kernel<TypeParam>(), start, coefficients, c.view(), d.view(), {});
    double steepest = 0.0, sharpest = 0.0;
    for (std::size_t i = 8; i < 12; ++i) steepest = std::max(steepest, std::abs(row[i]));
    for (std::size_t i = 12; i < 22; ++i) sharpest = std::max(sharpest, std::abs(row[i]));
    // The parameters are those of the table to a rounding, which what is steep tells.
    EXPECT_NEAR(e.value, row[7], 1e-12 * std::max(1.0, std::abs(row[7])) + 1e-14 * steepest);
    for (std::size_t i = 0; i < 8; ++i) {
      double gradient = 0.0;
      for (std::size_t q = 0; q < 4; ++q) gradient += jacobian[q][i] * row[8 + q];
      EXPECT_NEAR(e.gradient[i], gradient, 1e-11 * steepest + 2e-14 * sharpest + 1e-14);
      for (std::size_t j = 0; j < 8; ++j) {
        double second = 0.0;
        for (std::size_t q = 0; q < 4; ++q)
          for (std::size_t p = 0; p < 4; ++p)
            second += jacobian[q][i] * jacobian[p][j] *
                      row[12 + std::max(p, q) * (std::max(p, q) + 1) / 2 + std::min(p, q)];
        EXPECT_NEAR(e.hessian[i * 8 + j], second, 1e-10 * sharpest + 1e-14);
      }
    }
  }
}

TYPED_TEST(Covariates, WithoutEffectItIsTheModelWithout) {
  const Columns c = simulate(5000, kUsual, 3);
  const std::vector<double> none(4, 0.0), at{0.55, 6.0, 0.9, 2.5};
  const auto plain = TypeParam::log_likelihood({0.55, 6.0, 0.9, 2.5}, c.view(), {});
  for (const bool few : {false, true}) {
    const Design d = Design::of<TypeParam>(5000, 4, few);
    const auto e = covariate_log_likelihood(kernel<TypeParam>(), at, none, c.view(), d.view(), {});
    EXPECT_NEAR(e.value, plain.value, 1e-11 * std::abs(plain.value));
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(e.gradient[i], plain.gradient[i], 1e-8);
      for (std::size_t j = 0; j <= i; ++j)
        EXPECT_NEAR(e.hessian[i * 8 + j], plain.second(i, j), 1e-8);
    }
  }
}

TYPED_TEST(Covariates, HasTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(9000, kUsual, 5);
  const std::vector<double> at{0.55, 6.0, 0.9, 2.5}, coefficients{0.1, 0.2, -0.1, 0.05};
  for (const bool few : {false, true}) {
    const Design d = Design::of<TypeParam>(9000, 6, few);
    const auto expect = [&](const Execution& execution) {
      const CustomerGroups groups(d.view(), 9000, execution);
      const Buffer<double> out = predict_customers<TypeParam>(
          groups, at, coefficients, c.view(), execution,
          [](const auto& p, const RepeatPurchases& rows, const Execution& inner) {
            return TypeParam::expected_purchases(p, rows, 10.0, 0.0, inner);
          });
      return std::vector<double>(out.span().begin(), out.span().end());
    };
    const auto fit = [&](int threads) {
      return fit_with_covariates(kernel<TypeParam>(), at, c.view(), d.view(), {}, {threads});
    };
    const Fit one = fit(1);
    ASSERT_EQ(one.status, optim::Status::converged);
    EXPECT_LE(one.gradient_norm, 1e-9);
    const auto expected = expect({1});
    for (const int threads : {2, 5}) {
      const Fit more = fit(threads);
      EXPECT_EQ(more.parameters, one.parameters);
      EXPECT_EQ(more.log_covariance, one.log_covariance);
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
  const CustomerGroups groups({many, 2, column, sign}, 160, {});
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
  const CustomerGroups groups({z, 1, column, sign}, 10, {});
  try {
    groups.parameters(3, at, coefficient);
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.row(), 3);
  }
  z[7] = std::nan("");
  try {
    require_valid({z, 1, column, sign}, 10, {});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.row(), 7);
  }
  EXPECT_THROW(require_valid({z, 1, column, sign}, 9, {}), InvalidInput);
  const std::vector<double> moves_r{1, 0, 0, 0};
  EXPECT_THROW(require_valid({z, 1, column, moves_r}, 10, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure::clv
