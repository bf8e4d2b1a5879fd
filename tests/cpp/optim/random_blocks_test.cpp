#include "tenure/optim/random_blocks.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "tenure/support/random.hpp"

namespace tenure::optim {
namespace {

double tail(std::uint32_t low, std::uint32_t high) {
  return static_cast<double>(((static_cast<std::uint64_t>(low) << 32) | high) >> 12) * 0x1.0p-52;
}

TEST(RandomBlocks, HoldTheWordsOfTheGenerator) {
  RandomBlocks blocks(7, 0x123456789abcdefu);
  std::vector<double> u(200);
  blocks.uniforms(u);
  for (std::size_t i = 0; i < 64; ++i) {
    const auto c = RandomStream::philox(7, 0x123456789abcdefu, i);
    EXPECT_NEAR(u[i], tail(c[0], c[1]), 0x1.0p-52) << i;
    EXPECT_NEAR(u[64 + i], tail(c[2], c[3]), 0x1.0p-52) << i;
  }
  // The second 128 numbers come from the next 64 blocks.
  const auto c = RandomStream::philox(7, 0x123456789abcdefu, 64);
  EXPECT_NEAR(u[128], tail(c[0], c[1]), 0x1.0p-52);
}

TEST(RandomBlocks, NormalsAreThoseOfBoxAndMuller) {
  std::vector<double> z(4096), u(4096);
  RandomBlocks(3, 5).normals(z);
  RandomBlocks(3, 5).uniforms(u);
  for (std::size_t at = 0; at < z.size(); at += 128)
    for (std::size_t i = at; i < at + 64; ++i) {
      const double radius = std::sqrt(-2.0 * std::log(u[i]));
      const double angle = 2.0 * 3.14159265358979323846 * u[i + 64];
      EXPECT_NEAR(z[i], radius * std::cos(angle), 1e-13);
      EXPECT_NEAR(z[i + 64], radius * std::sin(angle), 1e-13);
    }
}

TEST(RandomBlocks, CallsDoNotOverlap) {
  RandomBlocks blocks(1, 2);
  std::vector<double> a(3), b(3);
  blocks.uniforms(a);
  blocks.uniforms(b);
  for (const double x : a)
    for (const double y : b) EXPECT_NE(x, y);
}

}  // namespace
}  // namespace tenure::optim
