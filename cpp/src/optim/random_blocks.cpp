#include "tenure/optim/random_blocks.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/random.hpp"

namespace tenure::optim {
namespace {

constexpr std::size_t kLanes = 64;  // blocks of the generator at a time, two numbers each

/// 52 bits as the mantissa of a number in [1, 2), moved to the middles of their cells.
[[gnu::always_inline]] inline double unit(std::uint64_t bits) {
  return (std::bit_cast<double>((bits >> 12) | 0x3ff0000000000000u) - 1.0) + 0x1.0p-53;
}

/// Philox 4x32-10 of `kLanes` consecutive blocks: the words of RandomStream::philox, lane by lane.
[[gnu::always_inline]] inline void philox(std::uint64_t seed, std::uint64_t stream,
                                          std::uint64_t block, double* first, double* second) {
  std::uint64_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  constexpr std::uint64_t kLow = 0xffffffffu;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::uint64_t b = block + i;
    c0[i] = b & kLow;
    c1[i] = b >> 32;
    c2[i] = stream & kLow;
    c3[i] = stream >> 32;
  }
  std::uint64_t k0 = seed & kLow, k1 = seed >> 32;
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c2[i];
      c0[i] = (p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = p1 & kLow;
      c2[i] = (p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = p0 & kLow;
    }
    k0 = (k0 + 0x9E3779B9u) & kLow;
    k1 = (k1 + 0xBB67AE85u) & kLow;
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    first[i] = unit((c0[i] << 32) | c1[i]);
    second[i] = unit((c2[i] << 32) | c3[i]);
  }
}

TENURE_CLONES void uniform_lanes(std::uint64_t seed, std::uint64_t stream, std::uint64_t block,
                                 double* first, double* second) {
  philox(seed, stream, block, first, second);
}

/// Radius and angle of Box & Muller; the angle in quarter turns, its whole part told by the low
/// bits of the sum with 1.5 2^52, what is left of it in [-1/2, 1/2] by Taylor series.
TENURE_CLONES void normal_lanes(std::uint64_t seed, std::uint64_t stream, std::uint64_t block,
                                double* first, double* second) {
  philox(seed, stream, block, first, second);
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double radius = std::sqrt(-2.0 * special::vector_log(first[i]));
    const double turns = 4.0 * second[i];
    const double shifted = turns + 0x1.8p52;
    const double x = (turns - (shifted - 0x1.8p52)) * 1.5707963267948966192;
    const double z = x * x;
    double s = -1.0 / 1307674368000.0;
    s = s * z + 1.0 / 6227020800.0;
    s = s * z - 1.0 / 39916800.0;
    s = s * z + 1.0 / 362880.0;
    s = s * z - 1.0 / 5040.0;
    s = s * z + 1.0 / 120.0;
    s = s * z - 1.0 / 6.0;
    const double sine = x + x * z * s;
    double c = 1.0 / 20922789888000.0;
    c = c * z - 1.0 / 87178291200.0;
    c = c * z + 1.0 / 479001600.0;
    c = c * z - 1.0 / 3628800.0;
    c = c * z + 1.0 / 40320.0;
    c = c * z - 1.0 / 720.0;
    c = c * z + 1.0 / 24.0;
    const double cosine = 1.0 - 0.5 * z + z * z * c;
    const auto quarter = std::bit_cast<std::uint64_t>(shifted);
    const bool odd = (quarter & 1) != 0;
    const double a = odd ? sine : cosine, b = odd ? cosine : sine;
    // cos and sin after q quarter turns: (c, s), (-s, c), (-c, -s), (s, -c).
    first[i] = radius * (((quarter + 1) & 2) != 0 ? -a : a);
    second[i] = radius * ((quarter & 2) != 0 ? -b : b);
  }
}

template <class Lanes>
void fill(std::span<double> out, std::uint64_t& block, const Lanes& lanes) {
  double pairs[2 * kLanes];
  for (std::size_t at = 0; at < out.size(); at += 2 * kLanes) {
    lanes(block, pairs, pairs + kLanes);
    block += kLanes;
    std::copy_n(pairs, std::min(2 * kLanes, out.size() - at), out.data() + at);
  }
}

}  // namespace

void RandomBlocks::uniforms(std::span<double> out) {
  fill(out, block_, [this](std::uint64_t block, double* first, double* second) {
    uniform_lanes(seed_, stream_, block, first, second);
  });
}

void RandomBlocks::normals(std::span<double> out) {
  fill(out, block_, [this](std::uint64_t block, double* first, double* second) {
    normal_lanes(seed_, stream_, block, first, second);
  });
}

}  // namespace tenure::optim
