#pragma once
#include "tenure/churn/elastic_net.hpp"
#include "tenure/churn/logistic_data.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// The path of a logistic regression, from the regression with the unpenalised terms alone. The
/// algorithm is that of src/churn/elastic_path.hpp.
///
/// O(rows terms) a look, one for some eight penalties; O(rows terms^2) for an information, one a
/// path unless steps fail. Same bits for every thread count. Throws what `fit_logistic` throws.
ElasticNetPath logistic_net(const LogisticData& data, const ElasticNetSettings& settings,
                            const Execution& execution = {});

}  // namespace tenure::churn
