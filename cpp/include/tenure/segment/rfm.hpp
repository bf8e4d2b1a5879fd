#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::segment {

/// One row a customer, ties between customers broken by row. Views: nothing is copied.
struct RfmInput {
  std::span<const double> days_since_last;  ///< finite, >= 0; fewer are better
  std::span<const double> orders;           ///< finite, >= 0; more are better
  /// Finite, more is better; absent: no M scores.
  std::optional<std::span<const double>> monetary = {};
};

enum class RfmScoring : std::uint8_t {
  quantile,  ///< cut points at the i/bins quantiles of the values; equal values score alike
  ntile,     ///< equal numbers of customers in each score, as SQL's NTILE; ties are split by row
  nested,    ///< ntile of R, of F within each R, of M within each (R, F)
  fixed,     ///< given cut points
};

/// Scores 1 (worst) to bins (best), by customer. A customer scores one point, and one more for
/// every cut point that the value is strictly better than.
struct RfmScores {
  std::array<Buffer<std::uint8_t>, 3> score;  ///< R, F, M; the last empty without monetary
  /// Ascending, bins - 1 each; empty where scores come from ranks.
  std::array<std::vector<double>, 3> cut;
};

/// Quantile cut points are those of type 7 (linear interpolation), [Hyndman & Fan 1996, Am. Stat.
/// 50:361]; a customer beats one exactly if the value is better than the lower of the two order
/// statistics around it, so that rounding of the interpolation decides nothing. 0.0 and -0.0 are
/// one value.
///
/// `cut` is read for `fixed` alone: bins - 1 cut points for each of days, orders and monetary,
/// ascending; between equal ones lies a score that nobody gets. 2 <= bins <= 10.
///
/// O(customers x bins): order statistics by radix selection, nothing is sorted. Bound by memory.
/// The three dimensions run on up to three threads. Throws InvalidInput.
RfmScores rfm_scores(const RfmInput& input, RfmScoring scoring, int bins,
                     const std::array<std::vector<double>, 3>& cut, const Execution& execution);

/// The order statistics of 0-based ascending `ranks` < values.size(), by radix selection.
std::vector<double> order_statistics(std::span<const double> values,
                                     std::span<const std::int64_t> ranks,
                                     const Execution& execution);

}  // namespace tenure::segment
