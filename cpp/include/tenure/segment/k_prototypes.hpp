#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::segment {

/// Rows of numbers and categories, one after the other. Views: nothing is copied.
struct MixedRows {
  std::int64_t rows = 0;
  std::int64_t numbers = 0;              ///< columns of numbers, perhaps none
  std::span<const double> number;        ///< rows x numbers, finite
  std::span<const std::int32_t> code;    ///< rows x categories: 0 to levels - 1
  std::span<const std::int64_t> levels;  ///< by column of categories, at least one column
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0, not all 0; absent: all 1

  std::int64_t categories() const { return std::ssize(levels); }
};

/// k-means' centre of the numbers and the modes of the categories, by cluster.
struct Prototypes {
  std::vector<double> centre;      ///< clusters x numbers
  std::vector<std::int32_t> mode;  ///< clusters x categories
};

enum class PrototypeSeeds : std::uint8_t {
  plus_plus,  ///< rows drawn far from one another, as k-means++ does, by the distance below
  cao,        ///< dense rows far from one another, nothing drawn [Cao, Liang & Bai 2009]
};

struct KPrototypesSettings {
  std::int64_t clusters = 8;
  std::int64_t restarts = 1;          ///< runs from seeds of their own; the lowest cost wins
  std::int64_t max_iterations = 100;  ///< of one run
  /// What a differing category costs. Absent: half the mean standard deviation of the columns of
  /// numbers [Huang 1997, section 4], 1 where no number varies.
  std::optional<double> gamma = {};
  PrototypeSeeds seeds = PrototypeSeeds::plus_plus;
  bool row_by_row = false;  ///< prototypes follow each row that moves [Huang 1998, section 3.2]
  std::uint64_t seed = 0;
};

struct KPrototypesResult {
  Prototypes prototypes;
  Buffer<std::int32_t> label;  ///< by row: the nearest prototype, of equally near ones the first
  double cost = 0.0;           ///< sum over rows of weight x distance
  double gamma = 0.0;
  std::int64_t iterations = 0;  ///< of the run that won
  bool converged = false;
  std::int64_t distinct = 0;  ///< clusters that are the nearest of at least one row
};

/// Lowers the sum of weight x distance of rows to the prototype of their cluster,
///
///     distance = sum over numbers of (x - centre)^2 + gamma (categories that differ from the mode)
///
/// [Huang 1997, eq. 4; Huang 1998, DMKD 2:283]; without numbers and with gamma = 1 it is k-modes.
/// All rows are assigned, then all prototypes are renewed, until no row moves or the cost falls no
/// more; `row_by_row` renews them after each row that moves, in the order of the rows. A mode is
/// the heaviest category, of equally heavy ones the first. A cluster that lost all its weight takes
/// the row farthest from its own prototype; row by row the last row of a cluster stays.
///
/// Without numbers equal rows are collapsed first. O(iterations rows clusters (numbers +
/// categories) / 8): eight clusters at a time, the price of a category read from a table. Row by
/// row runs on one thread. Same bits for every thread count. Throws InvalidInput for a bad cell or
/// weight, fewer rows than clusters, a start of another shape, and numbers whose squares overflow.
KPrototypesResult k_prototypes(const MixedRows& rows, const KPrototypesSettings& settings,
                               const Prototypes* start, const Execution& execution);

struct MixedAssignment {
  Buffer<std::int32_t> label;
  double cost;
};

/// The nearest prototype of each row. Here a code may be -1: a category that no mode has.
MixedAssignment k_prototypes_assign(const MixedRows& rows, const Prototypes& prototypes,
                                    double gamma, const Execution& execution);

}  // namespace tenure::segment
