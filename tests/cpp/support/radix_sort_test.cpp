#include "tenure/support/radix_sort.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace tenure {
namespace {

TEST(RadixSort, IsTheStableSort) {
  std::mt19937_64 rng(1);
  for (const std::uint64_t range : {1ULL, 5ULL, 1000ULL, 1ULL << 40, ~0ULL})
    for (const std::int64_t n : {0, 1, 2, 500, 70'000}) {
      Buffer<KeyedRow> rows(n);
      for (std::int64_t i = 0; i < n; ++i) rows[i] = {rng() % range, i};
      std::vector<KeyedRow> expected(rows.data(), rows.data() + n);
      std::ranges::stable_sort(expected, {}, &KeyedRow::key);
      radix_sort(rows, {});
      for (std::int64_t i = 0; i < n; ++i) {
        EXPECT_EQ(rows[i].key, expected[static_cast<std::size_t>(i)].key);
        EXPECT_EQ(rows[i].row, expected[static_cast<std::size_t>(i)].row);
      }
    }
}

TEST(OrderedKey, OrdersNonNegativeDoubles) {
  const double ascending[] = {0.0, 5e-324, 1e-300, 0.5, 1.0, std::nextafter(1.0, 2.0), 1e300};
  for (std::size_t i = 0; i + 1 < std::size(ascending); ++i) {
    EXPECT_LT(ordered_key(ascending[i]), ordered_key(ascending[i + 1]));
    EXPECT_EQ(key_value(ordered_key(ascending[i])), ascending[i]);
  }
  EXPECT_EQ(ordered_key(-0.0), ordered_key(0.0));
}

}  // namespace
}  // namespace tenure
