#include "../../../cpp/src/clv/abe_marginal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "../reference_table.hpp"

namespace tenure::clv {
namespace {

using tenure::testing::read_reference;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Eigen::MatrixXd usual_mean() { return Eigen::RowVector2d(-3.54, -3.6); }

Eigen::MatrixXd usual_root() {
  Eigen::Matrix2d gamma;
  gamma << 1.37, 0.22, 0.22, 3.0;
  return gamma.llt().matrixL();
}

TEST(AbeMarginal, EqualsTheReference) {
  const auto table = read_reference("clv_abe_likelihood.csv");
  ASSERT_EQ(table.rows.size(), 88u);
  for (const auto& row : table.rows) {
    const double intercept = 1.0;
    const RepeatPurchases customer{{&row[5], 1}, {&row[6], 1}, {&row[7], 1}};
    Eigen::Matrix2d gamma;
    gamma << row[2], row[3], row[3], row[4];
    const double got =
        AbeMarginal(customer, &intercept, 1)
            .log_likelihood(Eigen::RowVector2d(row[0], row[1]), gamma.llt().matrixL(), {});
    // Rates all but told by each other, or far above what most histories show: customers lie where
    // no chain that has seen them comes near.
    const bool strange = row[3] > 2.0 || row[0] > 0.0;
    EXPECT_NEAR(got, row[8], strange ? 2e-3 : 3e-5)
        << row[0] << ' ' << row[4] << ": " << row[5] << ' ' << row[6] << ' ' << row[7];
  }
}

TEST(AbeMarginal, IsASumOverCustomersInAnyOrder) {
  // Two sorts of customers, some of them alike, in two orders.
  const std::vector<double> x{0.0, 3.0, 0.0, 3.0, 7.0, 3.0}, t_x{0.0, 20.0, 0.0, 20.0, 31.0, 20.0},
      age{39.0, 38.0, 39.0, 38.0, 36.0, 38.0}, design{1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 0};
  Eigen::MatrixXd coefficients(2, 2);
  coefficients << -3.54, -3.6, 0.7, -0.4;
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double intercept = 1.0;
    const RepeatPurchases customer{{&x[i], 1}, {&t_x[i], 1}, {&age[i], 1}};
    const Eigen::MatrixXd mean =
        coefficients.row(0) + (design[2 * i + 1] > 0.0) * coefficients.row(1);
    sum += AbeMarginal(customer, &intercept, 1).log_likelihood(mean, usual_root(), {});
  }
  const double whole =
      AbeMarginal({x, t_x, age}, design.data(), 2).log_likelihood(coefficients, usual_root(), {});
  EXPECT_NEAR(whole, sum, 1e-12 * std::abs(sum));

  const std::vector<double> back_x(x.rbegin(), x.rend()), back_t(t_x.rbegin(), t_x.rend()),
      back_age(age.rbegin(), age.rend()), back{1, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0};
  const AbeMarginal turned({back_x, back_t, back_age}, back.data(), 2);
  EXPECT_EQ(turned.log_likelihood(coefficients, usual_root(), {}), whole);
}

TEST(AbeMarginal, ChangesNothingWithTheUnitOfTimeButTheConstant) {
  // Densities of x purchases are per unit of time to the x.
  const double x = 4.0, t_x = 21.0, age = 33.0, days_t = 147.0, days_age = 231.0, one = 1.0;
  const double weeks = AbeMarginal({{&x, 1}, {&t_x, 1}, {&age, 1}}, &one, 1)
                           .log_likelihood(usual_mean(), usual_root(), {});
  const double days = AbeMarginal({{&x, 1}, {&days_t, 1}, {&days_age, 1}}, &one, 1)
                          .log_likelihood(usual_mean().array() - std::log(7.0), usual_root(), {});
  EXPECT_NEAR(days, weeks - x * std::log(7.0), 1e-10);
}

TEST(AbeMarginal, RefusesPopulationsWithoutBounds) {
  const double x = 4.0, t_x = 21.0, age = 33.0, one = 1.0;
  const AbeMarginal marginal({{&x, 1}, {&t_x, 1}, {&age, 1}}, &one, 1);
  const Eigen::MatrixXd root = usual_root(), mean = usual_mean();
  EXPECT_TRUE(std::isfinite(marginal.log_likelihood(mean, root, {})));
  for (const double bad : {0.0, 1e-9, 1e9, kInfinity, std::nan("")})
    EXPECT_EQ(marginal.log_likelihood(mean, bad * root, {}), -kInfinity) << bad;
  for (const double bad : {-1e4, 1e4, kInfinity, std::nan("")})
    EXPECT_EQ(marginal.log_likelihood(Eigen::RowVector2d(bad, -3.0), root, {}), -kInfinity) << bad;
}

}  // namespace
}  // namespace tenure::clv
