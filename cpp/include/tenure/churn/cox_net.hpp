#pragma once
#include "tenure/churn/cox_data.hpp"
#include "tenure/churn/cox_likelihood.hpp"
#include "tenure/churn/elastic_net.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// The path of a Cox regression, l the log partial likelihood. [Simon, Friedman, Hastie &
/// Tibshirani 2011, J. Stat. Software 39(5)] The algorithm is that of src/churn/elastic_path.hpp.
///
/// O(n p) a look, one for some eight penalties; O(n p^2) for an information, one a path unless
/// steps fail. Holds 64 bytes a row and a time. Same bits for every thread count. Throws
/// InvalidInput if nobody churned, and for offsets at which the likelihood is no number.
ElasticNetPath cox_net(const CoxData& data, Ties ties, const ElasticNetSettings& settings,
                       const Execution& execution = {});

}  // namespace tenure::churn
