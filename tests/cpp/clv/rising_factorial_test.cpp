#include "tenure/clv/rising_factorial.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tenure::clv {
namespace {

/// The definitions as sums of long doubles.
RisingFactorial defined(double s, int x) {
  long double log = 0.0L, first = 0.0L, second = 0.0L;
  for (int k = 0; k < x; ++k) {
    const long double at = static_cast<long double>(s) + k;
    log += std::log(at);
    first += 1.0L / at;
    second -= 1.0L / (at * at);
  }
  return {static_cast<double>(log), static_cast<double>(first), static_cast<double>(second)};
}

TEST(RisingFactorials, EqualTheirDefinitionForShortAndLongGaps) {
  const std::vector<double> x{0, 1, 2, 3, 7, 39, 40, 200, 232, 265, 5000, 5001, 100000};
  for (const double s : {1e-6, 0.24, 1.0, 3.2, 15.9, 16.0, 160.0, 1e5, 1e9}) {
    const auto table = rising_factorials(s, x);
    ASSERT_EQ(table.size(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto expected = defined(s, static_cast<int>(x[i]));
      const double log_tolerance = 2e-13 * std::max(1.0, std::abs(expected.log));
      EXPECT_NEAR(table[i].log, expected.log, log_tolerance) << s << " " << x[i];
      EXPECT_NEAR(table[i].first, expected.first, 1e-12 * expected.first) << s << " " << x[i];
      EXPECT_NEAR(table[i].second, expected.second, 2e-12 * -expected.second) << s << " " << x[i];
    }
  }
}

TEST(RisingFactorial, OfZeroIsOne) {
  for (const double s : {0.5, 20.0, 1e8}) {
    const auto f = rising_factorial(s, 0.0);
    EXPECT_EQ(f.log, 0.0);
    EXPECT_EQ(f.first, 0.0);
    EXPECT_EQ(f.second, 0.0);
  }
}

TEST(RisingFactorial, FollowsTheRecurrenceBetweenWholeNumbers) {
  // Gamma(s + x + 1) = (s + x) Gamma(s + x)
  for (const double s : {0.3, 20.0, 1e7}) {
    const auto low = rising_factorial(s, 2.5), high = rising_factorial(s, 3.5);
    EXPECT_NEAR(high.log - low.log, std::log(s + 2.5), 4e-15 * std::abs(high.log) + 1e-15);
    EXPECT_NEAR(high.first - low.first, 1.0 / (s + 2.5), 1e-14 * std::max(1.0 / s, high.first));
  }
}

}  // namespace
}  // namespace tenure::clv
