#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Lifetimes with a score each: the higher, the sooner churn is expected. Views.
struct ScoredSample {
  std::span<const double> duration;
  std::span<const std::uint8_t> churned;
  std::span<const double> score;  ///< finite
  std::optional<std::span<const double>> entry = {};
  std::optional<std::span<const double>> weight = {};
  std::optional<std::span<const std::int32_t>> stratum = {};
};

/// Pairs, each by the product of its weights. A pair can be compared if one of the two churned
/// while the other was at risk and stayed, or was censored at the same time.
struct Concordance {
  double concordant = 0.0;  ///< the one who churned has the higher score
  double discordant = 0.0;
  double tied_score = 0.0;
  double tied_time = 0.0;       ///< both churned at the same time, other scores
  double tied_both = 0.0;       ///< both churned at the same time, with the same score
  double value = 0.0;           ///< (concordant + tied_score / 2) / all three; NaN of none
  double standard_error = 0.0;  ///< infinitesimal jackknife over rows
};

/// Harrell's concordance. [Harrell et al. 1982, JAMA 247:2543-2546; variance: Therneau & Watson
/// 2017] O(n log n): scores are ranked once, counts kept in a Fenwick tree. One thread.
///
/// Throws InvalidInput for a bad row and for spans of unequal length.
Concordance concordance(const ScoredSample& sample, const Execution& execution = {});

}  // namespace tenure::churn
