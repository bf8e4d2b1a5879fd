#pragma once
#include <cstdint>

namespace tenure::segment::detail {

/// Rows that are worked on together: one 128-byte line of each feature.
inline constexpr std::int64_t kSilhouetteRows = 16;

/// Sets sum[r] = sum over s < count of weight[s] x |row r of the tile - source s|, r <
/// kSilhouetteRows. `tile` is features x kSilhouetteRows, aligned to 64 bytes; sources are rows,
/// one after the other. A row's sum depends on this row and the sources alone, and adds them in
/// their order.
using SumDistances = void (*)(const double* tile, std::int64_t features, const double* source,
                              const double* weight, std::int64_t count, double* sum);

/// The one for this processor.
SumDistances sum_distances();

}  // namespace tenure::segment::detail
