#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "kmeans_block.hpp"

namespace tenure::segment::detail {

/// The logarithm of a weight of 0, and minus half the greatest squared distance: finite, so that
/// no difference of two is NaN.
inline constexpr double kNoLog = -1e300;
inline constexpr double kFarthest = 1e290;

/// Factors as the kernel reads them: in groups of four columns (the last of one to four), within a
/// group row after row, without the zeros below the diagonal.
std::vector<double> pack_factors(const std::vector<double>& upper, std::int64_t matrices,
                                 std::int64_t features);

/// Sums over rows by component, y = U'(x - m): of r, of r y and of r y y'.
struct MixtureMoments {
  std::vector<double> held;    ///< components
  std::vector<double> first;   ///< components x features
  std::vector<double> second;  ///< components x lower triangle by rows; diagonal: x features

  MixtureMoments(std::int64_t components, std::int64_t features, bool diagonal)
      : held(static_cast<std::size_t>(components)),
        first(static_cast<std::size_t>(components * features)),
        second(static_cast<std::size_t>(components *
                                        (diagonal ? features : features * (features + 1) / 2))) {}

  MixtureMoments& operator+=(const MixtureMoments& other) {
    for (std::size_t i = 0; i < held.size(); ++i) held[i] += other.held[i];
    for (std::size_t i = 0; i < first.size(); ++i) first[i] += other.first[i];
    for (std::size_t i = 0; i < second.size(); ++i) second[i] += other.second[i];
    return *this;
  }
};

/// Densities of rows under a mixture and, as asked, what is said about them.
struct MixtureTask {
  Rows<double> rows;
  std::int64_t components;
  bool diagonal;
  bool shared;                        ///< one factor for all components
  const double* mean;                 ///< components x features, less the shift
  const double* factor;               ///< see pack_factors; diagonal: features a component
  const double* constant;             ///< log(w / sqrt(|S| (2 pi)^features)), or kNoLog
  MixtureMoments* moments = nullptr;  ///< added to; null: not wanted
  double* log_density = nullptr;      ///< by row
  double* responsibility = nullptr;   ///< rows x components, without the rows' weights
  std::int32_t* label = nullptr;      ///< by row
};

struct MixtureTotals {
  double log_likelihood = 0.0;
  double entropy = 0.0;

  MixtureTotals& operator+=(const MixtureTotals& other) {
    log_likelihood += other.log_likelihood;
    entropy += other.entropy;
    return *this;
  }
};

/// Of rows [first, last), in tiles that begin at `first`.
using MixtureKernel = MixtureTotals (*)(const MixtureTask& task, std::int64_t first,
                                        std::int64_t last);
MixtureKernel mixture_kernel();

}  // namespace tenure::segment::detail
