#include "tenure/segment/concentration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

// By hand: of 10 customers one holds 91 and nine hold 1.
TEST(Concentration, OfOneRichCustomer) {
  const std::vector<double> value{1, 1, 1, 91, 1, 1, 1, 1, 1, 1};
  const std::vector<double> orders{1, 1, 1, 7, 2, 1, 1, 1, 1, 1};
  const std::vector<double> share{0.1, 0.2, 0.05, 1.0};
  const auto found = concentration(value, orders, share, 11, {1});
  EXPECT_NEAR(found.gini, 0.81, 1e-15);  // 0.91 - 0.1
  EXPECT_EQ(found.value, 100.0);
  EXPECT_EQ(found.top[0].value, 91.0);
  EXPECT_EQ(found.top[0].orders, 7.0);
  // The second customer is one of nine equal ones: a ninth of each, 10/9 orders.
  EXPECT_NEAR(found.top[1].value, 92.0, 1e-12);
  EXPECT_NEAR(found.top[1].orders, 7.0 + 10.0 / 9.0, 1e-12);
  EXPECT_NEAR(found.top[2].value, 45.5, 1e-12);  // half a customer
  EXPECT_NEAR(found.top[3].value, 100.0, 1e-12);
  EXPECT_NEAR(found.top[3].orders, 17.0, 1e-12);
  for (int p = 0; p < 10; ++p) EXPECT_NEAR(found.lorenz[p], p / 100.0, 1e-15);
  EXPECT_EQ(found.lorenz[10], 1.0);
}

TEST(Concentration, OfEqualCustomersIsNone) {
  const auto found = concentration(std::vector<double>(1000, 3.0), {}, {}, 101, {1});
  EXPECT_NEAR(found.gini, 0.0, 1e-15);
  EXPECT_TRUE(std::isnan(found.orders));
  for (int p = 0; p <= 100; ++p) EXPECT_NEAR(found.lorenz[p], p / 100.0, 1e-13);
}

TEST(Concentration, GivesTheSameBitsForEveryThreadCount) {
  std::vector<double> value, orders;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    RandomStream random(4, i);
    value.push_back(std::exp(random.normal()));
    orders.push_back(1.0 + std::floor(random.exponential()));
  }
  const std::vector<double> share{0.01, 0.1};
  const auto once = concentration(value, orders, share, 1001, {1});
  EXPECT_NEAR(once.gini, std::erf(0.5), 0.01);  // of the log-normal distribution
  for (const int threads : {2, 3, 16}) {
    const auto again = concentration(value, orders, share, 1001, {threads});
    EXPECT_EQ(again.gini, once.gini);
    EXPECT_EQ(again.lorenz, once.lorenz);
    EXPECT_EQ(again.top[1].orders, once.top[1].orders);
  }
}

TEST(Concentration, NamesWhatIsWrong) {
  const std::vector<double> good{1, 2};
  const auto row_of = [&](std::vector<double> value, std::vector<double> orders,
                          std::vector<double> share, std::int64_t points) {
    try {
      concentration(value, orders, share, points, {1});
    } catch (const InvalidInput& e) {
      return e.argument() + " " + std::to_string(e.row());
    }
    return std::string("none");
  };
  EXPECT_EQ(row_of({}, {}, {}, 2), "values -1");
  EXPECT_EQ(row_of({1, NAN}, good, {}, 2), "values 1");
  EXPECT_EQ(row_of({1, -1}, good, {}, 2), "values -1");
  EXPECT_EQ(row_of({1e308, 1e308}, good, {}, 2), "values -1");
  EXPECT_EQ(row_of(good, {1}, {}, 2), "orders -1");
  EXPECT_EQ(row_of(good, {1, -1}, {}, 2), "orders 1");
  EXPECT_EQ(row_of(good, good, {0.5, 0.0}, 2), "top 1");
  EXPECT_EQ(row_of(good, good, {1.1}, 2), "top 0");
  EXPECT_EQ(row_of(good, good, {}, 1), "points -1");
  EXPECT_EQ(row_of(good, good, {1.0}, 2), "none");
}

}  // namespace
}  // namespace tenure::segment
