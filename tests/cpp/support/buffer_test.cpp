#include "tenure/support/buffer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

namespace tenure {
namespace {

constexpr std::int64_t kLarge = std::int64_t{8} << 20;

TEST(Buffer, HoldsWhatWasWritten) {
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1000}, kLarge}) {
    Buffer<std::uint8_t> b(size);
    EXPECT_EQ(b.size(), size);
    for (std::int64_t i = 0; i < size; ++i) b[i] = static_cast<std::uint8_t>(i % 251);
    const Buffer<std::uint8_t> moved = std::move(b);
    for (std::int64_t i = 0; i < size; ++i) ASSERT_EQ(moved[i], i % 251);
  }
}

TEST(Buffer, RefusesASizeThatDoesNotExist) {
  EXPECT_THROW(Buffer<double>(std::int64_t{1} << 58), std::bad_alloc);
}

// Kept blocks must never be in two hands: each thread finds its own pattern again.
TEST(Buffer, BlocksThatComeBackBelongToOneOwner) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t, &wrong] {
      for (int round = 0; round < 40; ++round) {
        const std::int64_t size = kLarge + (std::int64_t{1} << 20) * ((t + round) % 5);
        Buffer<std::uint8_t> a(size), b(size / 2);
        std::fill_n(a.data(), size, static_cast<std::uint8_t>(2 * t));
        std::fill_n(b.data(), size / 2, static_cast<std::uint8_t>(2 * t + 1));
        for (std::int64_t i = 0; i < size; i += 4096)
          wrong[static_cast<std::size_t>(t)] += a[i] != 2 * t;
        for (std::int64_t i = 0; i < size / 2; i += 4096)
          wrong[static_cast<std::size_t>(t)] += b[i] != 2 * t + 1;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

}  // namespace
}  // namespace tenure
