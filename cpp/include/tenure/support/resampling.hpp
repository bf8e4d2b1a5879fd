#pragma once
#include <array>
#include <cstdint>

#include "tenure/support/random.hpp"

namespace tenure {

/// The weight of a customer in several replicates of a bootstrap, side by side in registers; a
/// plain double is its weight in the data. Sums are written once for both.
struct Weights {
  static constexpr std::size_t kTogether = 8;
  std::array<double, kTogether> in{};

  Weights& operator+=(const Weights& other) {
    for (std::size_t r = 0; r < kTogether; ++r) in[r] += other.in[r];
    return *this;
  }
  Weights& operator-=(const Weights& other) {
    for (std::size_t r = 0; r < kTogether; ++r) in[r] -= other.in[r];
    return *this;
  }
  friend Weights operator*(const Weights& weight, double value) {
    Weights product;
    for (std::size_t r = 0; r < kTogether; ++r) product.in[r] = weight.in[r] * value;
    return product;
  }
};

/// Poisson(1) by inversion of 32 uniform bits: the smallest k with u < 2^32 P(X <= k).
class PoissonOne {
 public:
  PoissonOne() {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint8_t k = 0;
      while (byte << 24 >= kBelow[k]) ++k;
      start_[byte] = k;
    }
  }

  double operator()(std::uint32_t u) const {
    // The leading byte settles k in 95 of 100 draws: a search from 0 would mispredict at every
    // other.
    std::uint8_t k = start_[u >> 24];
    while (k < kBelow.size() && u >= kBelow[k]) ++k;
    return static_cast<double>(k);
  }

 private:
  // floor(2^32 P(X <= k)); what lies beyond the last has a probability below 2^-32.
  static constexpr std::array<std::uint32_t, 13> kBelow{
      1580030168u, 3160060337u, 3950075421u, 4213413783u, 4279248373u, 4292415291u, 4294609777u,
      4294923276u, 4294962463u, 4294966817u, 4294967252u, 4294967292u, 4294967295u};
  std::array<std::uint8_t, 256> start_;
};

/// Weights of a customer in the replicates of one task. Customers take the lower 40 bits of the
/// stream, tasks the rest.
class Resampling {
 public:
  Resampling(std::uint64_t seed, std::int64_t task)
      : seed_(seed), task_(static_cast<std::uint64_t>(task)) {}

  Weights operator()(std::int64_t customer) const {
    RandomStream stream(seed_, (task_ << 40) | static_cast<std::uint64_t>(customer));
    Weights weights;
    for (std::size_t r = 0; r < Weights::kTogether; r += 2) {
      const std::uint64_t bits = stream.next();
      weights.in[r] = poisson_(static_cast<std::uint32_t>(bits));
      weights.in[r + 1] = poisson_(static_cast<std::uint32_t>(bits >> 32));
    }
    return weights;
  }

 private:
  PoissonOne poisson_;
  std::uint64_t seed_, task_;
};

}  // namespace tenure
