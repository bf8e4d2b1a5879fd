#pragma once
#include <array>
#include <cmath>
#include <cstdint>

#include "tenure/support/wide.hpp"

namespace tenure {

/// A stream of random numbers keyed by (seed, stream): row i of a simulation or replicate i of a
/// bootstrap owns stream i, so results depend neither on threads nor on what other rows drew.
/// Philox 4x32-10 [Salmon, Moraes, Dror & Shaw 2011, SC'11: "Parallel random numbers: as easy as
/// 1, 2, 3"]. The transforms are ours because std::*_distribution differs between libraries.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  std::uint64_t next() {
    if (left_ == 0) refill();
    return buffer_[--left_];
  }

  /// Uniform on (0, 1): 53 bits, never 0 and never 1, so that logarithms are finite.
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1.0p-53; }

  /// Uniform integer in [0, n), n > 0, without bias. [Lemire 2019, ACM TOMACS 29:1]
  std::uint64_t below(std::uint64_t n) {
    uint128 product = static_cast<uint128>(next()) * n;
    if (static_cast<std::uint64_t>(product) < n) {
      const std::uint64_t threshold = -n % n;
      while (static_cast<std::uint64_t>(product) < threshold)
        product = static_cast<uint128>(next()) * n;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }

  /// Exponential with rate 1.
  double exponential() { return -std::log(uniform()); }

  /// Standard normal. [Box & Muller 1958]: they come in pairs, the second is kept for the next
  /// call.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 6.283185307179586476925286766559 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  /// Gamma(shape, rate 1). [Marsaglia & Tsang 2000, ACM TOMS 26:363]
  double gamma(double shape) {
    // Below 1 the boost u^(1/shape) may underflow to 0: a gamma so small is 0 in double.
    if (shape < 1.0) return gamma(shape + 1.0) * std::exp(-exponential() / shape);
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / std::sqrt(9.0 * d);
    for (;;) {
      const double x = normal();
      const double root = 1.0 + c * x;
      if (root <= 0.0) continue;
      const double v = root * root * root;
      const double u = uniform();
      const double x2 = x * x;
      // The squeeze spares both logarithms in all but a few draws of a hundred.
      if (u < 1.0 - 0.0331 * x2 * x2) return d * v;
      if (std::log(u) < 0.5 * x2 + d * (1.0 - v + std::log(v))) return d * v;
    }
  }

  /// Beta(a, b); where both gammas underflow, 0 or 1 with the mean a / (a + b).
  double beta(double a, double b) {
    const double x = gamma(a);
    const double y = gamma(b);
    return x + y > 0.0 ? x / (x + y) : (uniform() * (a + b) < a ? 1.0 : 0.0);
  }

  /// One block of the generator: counter (block, stream), key seed, low words first.
  static std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t stream,
                                             std::uint64_t block) {
    std::array<std::uint32_t, 4> c{
        static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
        static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
    std::uint32_t k0 = static_cast<std::uint32_t>(seed);
    std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
      c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
           static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    return c;
  }

 private:
  void refill() {
    // The two halves of one 128-bit output.
    const auto out = philox(seed_, stream_, block_++);
    buffer_[1] = (static_cast<std::uint64_t>(out[0]) << 32) | out[1];
    buffer_[0] = (static_cast<std::uint64_t>(out[2]) << 32) | out[3];
    left_ = 2;
  }

  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t block_ = 0;
  std::array<std::uint64_t, 2> buffer_{};
  int left_ = 0;
  bool has_spare_ = false;
  double spare_ = 0.0;
};

}  // namespace tenure
