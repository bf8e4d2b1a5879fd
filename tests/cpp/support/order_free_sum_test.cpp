#include "tenure/support/order_free_sum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "tenure/support/random.hpp"

namespace tenure {
namespace {

double total(const std::vector<double>& terms) {
  OrderFreeSum sum;
  for (const double t : terms) sum.add(t);
  return sum.value();
}

/// Terms of every size: 2^-spread .. 2^spread, both signs.
std::vector<double> terms_of(std::uint64_t seed, int spread, int n) {
  RandomStream stream(seed, 0);
  std::vector<double> terms;
  for (int i = 0; i < n; ++i) {
    const double unit = static_cast<double>(stream.next() >> 11) * 0x1p-53 - 0.5;
    const auto size = static_cast<int>(stream.next() % static_cast<std::uint64_t>(2 * spread + 1));
    terms.push_back(std::ldexp(unit, size - spread));
  }
  return terms;
}

TEST(OrderFreeSum, IsExactForWholeNumbersAndCents) {
  EXPECT_EQ(total({}), 0.0);
  EXPECT_EQ(total({-0.0}), 0.0);
  EXPECT_EQ(total({1.0, 2.0, -7.0}), -4.0);
  EXPECT_EQ(total({1e15, 0.5, -1e15}), 0.5);
  EXPECT_EQ(total({0x1p80, 1.0, -0x1p80}), 1.0);
  EXPECT_EQ(total(std::vector<double>(1000, 0.25)), 250.0);
  EXPECT_EQ(total({19.99, -19.99}), 0.0);
}

TEST(OrderFreeSum, ReachesFromTheLeastToTheLargestNumber) {
  const double least = std::numeric_limits<double>::denorm_min();
  const double large = std::numeric_limits<double>::max();
  EXPECT_EQ(total({least, least}), 2 * least);
  EXPECT_EQ(total({-least}), -least);
  EXPECT_EQ(total({large}), large);
  EXPECT_EQ(total({large, -large, 1.0}), 0.0);  // the one lies below what is kept
  EXPECT_EQ(total({1.0, large, -large}), 0.0);  // in every order
  EXPECT_EQ(total({1e150, 1e150}), 2e150);
}

TEST(OrderFreeSum, IsCloserThanAPlainSum) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const auto terms = terms_of(seed, 20, 500);
    long double exact = 0.0L;  // 64 bits of mantissa: beyond what 500 such terms need
    for (const double t : terms) exact += t;
    const auto expected = static_cast<double>(exact);
    EXPECT_NEAR(total(terms), expected, 4e-16 * std::fabs(expected) + 1e-13);
  }
}

TEST(OrderFreeSum, HasTheSameBitsForEveryOrderAndSplit) {
  for (std::uint64_t seed = 1; seed < 60; ++seed) {
    const int spread = static_cast<int>(seed % 6) * 60;
    auto terms = terms_of(seed, spread, 200);
    const double once = total(terms);
    std::ranges::reverse(terms);
    EXPECT_EQ(total(terms), once);
    std::ranges::sort(terms, [](double a, double b) { return std::fabs(a) < std::fabs(b); });
    EXPECT_EQ(total(terms), once);

    RandomStream stream(seed, 1);
    std::vector<OrderFreeSum> parts(7);
    for (const double t : terms) parts[stream.next() % 7].add(t);
    OrderFreeSum left, right;
    for (std::size_t i = 0; i < 3; ++i) left += parts[i];
    for (std::size_t i = 7; i-- > 3;) right += parts[i];
    right += left;
    EXPECT_EQ(right.value(), once);
    EXPECT_EQ(OrderFreeSum(right.top(), right.digits()).value(), once);
  }
}

}  // namespace
}  // namespace tenure
