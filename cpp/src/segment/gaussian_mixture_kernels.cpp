// Compiled with -O3 and -ffp-contract=fast, as kmeans_kernels.cpp is.
#include "gaussian_mixture_kernels.hpp"

#include "gaussian_mixture_block.hpp"

namespace tenure::segment::detail {
namespace {

MixtureTotals pass_16(const MixtureTask& task, std::int64_t first, std::int64_t last) {
  return MixturePass<16>(task).run(first, last);
}
#if defined(__x86_64__)
[[gnu::target("arch=x86-64-v3")]] MixtureTotals pass_32(const MixtureTask& task, std::int64_t first,
                                                        std::int64_t last) {
  return MixturePass<32>(task).run(first, last);
}
[[gnu::target("arch=x86-64-v4")]] MixtureTotals pass_64(const MixtureTask& task, std::int64_t first,
                                                        std::int64_t last) {
  return MixturePass<64>(task).run(first, last);
}
#endif

}  // namespace

std::vector<double> pack_factors(const std::vector<double>& upper, std::int64_t matrices,
                                 std::int64_t features) {
  std::vector<double> packed;
  packed.reserve(upper.size());
  for (std::int64_t k = 0; k < matrices; ++k)
    for (std::int64_t column = 0; column < features; column += 4)
      for (std::int64_t end = std::min(features, column + 4), a = 0; a < end; ++a)
        for (std::int64_t b = std::max(a, column); b < end; ++b)
          packed.push_back(upper[static_cast<std::size_t>((k * features + a) * features + b)]);
  return packed;
}

MixtureKernel mixture_kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return pass_64;
  if (__builtin_cpu_supports("x86-64-v3")) return pass_32;
#endif
  return pass_16;
}

}  // namespace tenure::segment::detail
