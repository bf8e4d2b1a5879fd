#pragma once
#include <cstdint>
#include <span>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// What each of `offers` offers would bring and cost, row by row: cell [customer * offers + offer].
struct OfferTable {
  std::span<const double> gain;  ///< expected profit, what the offer costs taken off; finite
  std::span<const double> cost;  ///< finite, >= 0
  std::int64_t offers = 1;
};

struct OfferChoice {
  Buffer<std::int32_t> offer;  ///< one a customer: 0 none, else 1 + the column of the table
  double gain = 0.0;           ///< of all chosen
  double cost = 0.0;
  double bound = 0.0;  ///< no choice within the budget gains more
  /// Gain of the last unit of the budget: no offer less rewarding is chosen but to fill it up. 0
  /// where the budget does not bind.
  double multiplier = 0.0;
};

/// The most rewarding choice of at most one offer a customer whose costs stay within `budget` (may
/// be infinite): a multiple-choice knapsack. Of each customer's offers only those on the upper
/// concave hull of (cost, gain) are ever right for some price of the budget, and steps along all
/// hulls are taken by gain per cost: the optimum of the relaxation that may split one offer, which
/// is the Lagrangian bound [Sinha & Zoltners 1979, Operations Research 27:503-515]. The step that
/// does not fit is left out and smaller ones behind it are tried. So `bound - gain` is at most the
/// gain of one step, and 0 where the budget does not bind. Steps of equal reward go by row.
/// O(n k log(n k)). Throws InvalidInput for cells that break the rules.
OfferChoice choose_offers(const OfferTable& table, double budget, const Execution& execution);

}  // namespace tenure::churn
