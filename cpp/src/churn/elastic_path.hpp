#pragma once
#include <vector>

#include "elastic_walk.hpp"
#include "tenure/churn/elastic_net.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn::detail {

/// The path of a loss from `start`, where all that is penalised must be 0 and the rest at its
/// minimum. Log-likelihoods are those of the loss times the weight.
///
/// Of many terms only those are solved for that the sequential strong rule does not put at 0:
/// |gradient_j| < f_j (2 penalty - penalty before). [Tibshirani et al. 2012, JRSS B 74:245-266,
/// eq. 12; at least penalty / 2 on the right, where steps are wide] Where penalties are done, the
/// gradient of all terms is read there; one that is too large for a term at 0 brings the term in,
/// and its penalty and those after it are solved again. So the rule saves time and changes no
/// minimum.
ElasticNetPath elastic_path(const SmoothLoss& loss, const std::vector<double>& start,
                            const ElasticNetSettings& settings, const Execution& execution);

}  // namespace tenure::churn::detail
