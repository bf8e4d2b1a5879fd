#pragma once
#include <cmath>

#include "tenure/support/errors.hpp"

namespace tenure::clv {

/// Throws InvalidInput for a horizon or a continuous rate of discount that no sum can have;
/// `ends`: whether all purchases to come add up to a finite number without a discount.
inline void require_horizon(double horizon, double discount_rate, bool ends, const char* if_not) {
  if (!(horizon >= 0.0)) throw InvalidInput("horizon", -1, horizon, ">= 0");
  if (!std::isfinite(discount_rate))
    throw InvalidInput("discount_rate", -1, discount_rate, "greater than -1 and finite");
  if (std::isinf(horizon) && !(discount_rate > 0.0 || (discount_rate == 0.0 && ends)))
    throw InvalidInput("horizon", -1, horizon, if_not);
}

}  // namespace tenure::clv
