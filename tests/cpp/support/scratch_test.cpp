#include "tenure/support/scratch.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <numeric>

namespace tenure {
namespace {

TEST(Scratch, GrowsFromSmallBlocksToMappedOnes) {
  ScratchVector<std::int64_t> v;
  for (std::int64_t i = 0; i < 1'000'000; ++i) v.push_back(i);
  EXPECT_EQ(std::accumulate(v.begin(), v.end(), std::int64_t{0}), 499'999'500'000);
  const ScratchVector<std::int64_t> copy = v;
  v.clear();
  v.shrink_to_fit();
  EXPECT_EQ(copy.size(), 1'000'000u);
  EXPECT_EQ(copy.back(), 999'999);
}

TEST(Scratch, SaysWhenThereIsNoMemory) {
  ScratchAllocator<std::int64_t> allocator;
  constexpr auto kMost = std::numeric_limits<std::size_t>::max();
  EXPECT_THROW((void)allocator.allocate(kMost / 8), std::bad_alloc);
  EXPECT_THROW((void)allocator.allocate(kMost / 2), std::bad_array_new_length);
}

}  // namespace
}  // namespace tenure
