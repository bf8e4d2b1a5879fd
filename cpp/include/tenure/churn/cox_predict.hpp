#pragma once
#include <span>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// exp(-hazard[j] * risk[i]) by customer i, then time j: survival of many customers at the same
/// times. Both finite and >= 0. Below exp(-708) it is 0. O(customers x times), one exponential a
/// cell, vectorised; bound by the writing of the result from a few times on.
Buffer<double> survival_rows(std::span<const double> hazard, std::span<const double> risk,
                             const Execution& execution = {});

}  // namespace tenure::churn
