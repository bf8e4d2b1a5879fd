#pragma once
#include <cstddef>

#include "tenure/clv/fit.hpp"
#include "tenure/optim/result.hpp"

namespace tenure::clv {

/// A coordinate of a search that is the logarithm of one parameter over another, in place of that
/// of the first.
struct RatioCoordinate {
  std::size_t of, over;
};

/// From the search's coordinates to the logarithms of the parameters.
void to_parameters(optim::Evaluation& at, const RatioCoordinate& ratio);
void to_parameters(Fit& fit, const RatioCoordinate& ratio);

}  // namespace tenure::clv
