#pragma once
#include "tenure/clv/individual.hpp"

namespace tenure::clv {

/// Throws InvalidInput unless the draws are of these customers and of so many rates each.
void require_fits(const KeptDraws& draws, const RepeatPurchases& purchases, std::int64_t rates);

}  // namespace tenure::clv
