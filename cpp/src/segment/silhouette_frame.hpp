#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "labelled_rows.hpp"
#include "silhouette_kernels.hpp"

namespace tenure::segment::detail {

/// Up to kRows rows turned into tiles, and their sums of distances to sources.
class Tiles {
 public:
  static constexpr std::int64_t kTiles = 8;
  static constexpr std::int64_t kRows = kTiles * kSilhouetteRows;

  Tiles(const LabelledRows& rows, std::int64_t first, std::int64_t last)
      : features_(rows.features),
        tiles_((last - first + kSilhouetteRows - 1) / kSilhouetteRows),
        kernel_(sum_distances()),
        line_(static_cast<std::size_t>(tiles_ * features_)) {
    for (std::int64_t r = 0; r < tiles_ * kSilhouetteRows; ++r) {
      const double* const from = rows.at(std::min(first + r, last - 1));  // unused lanes: a copy
      Line* const tile = line_.data() + r / kSilhouetteRows * features_;
      for (std::int64_t j = 0; j < features_; ++j) tile[j].lane[r % kSilhouetteRows] = from[j];
    }
  }

  /// Sets sum(r) for every row to that over `count` sources of weight x distance. Sources are taken
  /// in pieces that stay in the first cache for all tiles; pieces are added up, which rounds less.
  void sum(const double* source, const double* weight, std::int64_t count,
           const Execution& execution) {
    const std::int64_t piece = std::clamp<std::int64_t>(2048 / features_, 8, kPiece);
    sum_.fill(0.0);
    std::int64_t until_poll = kWork;
    for (std::int64_t s = 0; s < count; s += piece) {
      const std::int64_t m = std::min(piece, count - s);
      if ((until_poll -= m * features_) < 0) {
        execution.poll();
        until_poll = kWork;
      }
      for (std::int64_t t = 0; t < tiles_; ++t) {
        alignas(64) std::array<double, kSilhouetteRows> of;
        kernel_(line_[static_cast<std::size_t>(t * features_)].lane, features_,
                source + s * features_, weight ? weight + s : kOnes.data(), m, of.data());
        for (std::int64_t r = 0; r < kSilhouetteRows; ++r)
          sum_[static_cast<std::size_t>(t * kSilhouetteRows + r)] +=
              of[static_cast<std::size_t>(r)];
      }
    }
  }
  double sum(std::int64_t r) const { return sum_[static_cast<std::size_t>(r)]; }

 private:
  static constexpr std::int64_t kPiece = 256;
  static constexpr std::int64_t kWork = 1 << 15;  // a few milliseconds of sources x features
  static constexpr auto kOnes = [] {
    std::array<double, kPiece> ones{};
    ones.fill(1.0);
    return ones;
  }();

  /// One feature of the rows of a tile.
  struct alignas(64) Line {
    double lane[kSilhouetteRows];
  };

  std::int64_t features_, tiles_;
  SumDistances kernel_;
  std::vector<Line> line_;
  std::array<double, kRows> sum_{};
};

/// What each row has in the order of LabelledRows.
struct Gaps {
  Buffer<double> own;    ///< a_i
  Buffer<double> other;  ///< b_i
  Buffer<std::int32_t> neighbour;
  Buffer<double> value;

  explicit Gaps(std::int64_t rows) : own(rows), other(rows), neighbour(rows), value(rows) {}
};

/// The errors of the mean and of the means by cluster.
struct MeanErrors {
  double all;
  std::vector<double> cluster;
};
MeanErrors mean_errors(const LabelledRows& rows, const Gaps& gaps, double mean,
                       const std::vector<double>& cluster_mean, const Execution& execution);

}  // namespace tenure::segment::detail
