#pragma once
#include <span>

#include "cox_lanes.hpp"
#include "tenure/churn/logistic_data.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn::detail {

/// The likelihood of a logistic regression at eight points, in one pass over X for all of them.
/// `beta` is terms x 8. O(rows terms). Same bits for every thread count.
LaneValues logistic_points(const LogisticData& data, std::span<const double> beta,
                           const Execution& execution);

}  // namespace tenure::churn::detail
