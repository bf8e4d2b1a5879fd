#pragma once
#include <cstdint>
#include <span>

namespace tenure::optim {

/// Random numbers by the array, vectorised: the generator and the keys of RandomStream, the same
/// bits in every vector width, but not the numbers of a RandomStream of the same key. A few ns a
/// number. Each call begins with a fresh block of the generator.
class RandomBlocks {
 public:
  RandomBlocks(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  /// Uniform on (0, 1): 52 bits, never 0 and never 1.
  void uniforms(std::span<double> out);

  /// Standard normal. [Box & Muller 1958]
  void normals(std::span<double> out);

 private:
  std::uint64_t seed_, stream_;
  std::uint64_t block_ = 0;
};

}  // namespace tenure::optim
