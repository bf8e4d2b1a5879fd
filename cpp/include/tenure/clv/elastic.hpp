#pragma once
#include <vector>

#include "tenure/clv/fit.hpp"

namespace tenure::clv {

/// What a fit with coefficients of covariates takes: the penalty of a customer is also
/// coefficient_l1 times the sum of their absolute values.
struct ElasticOptions : FitOptions {
  double coefficient_l1 = 0.0;
};

/// `maximise` without `coefficient_l1`; with it, from the first start that leads to an optimum, by
/// proximal Newton steps. Then coefficients may be exactly 0, `gradient_norm` is the distance from
/// the conditions of an optimum, and `log_covariance` is NaN.
Fit maximise_elastic(const MeanLikelihood& likelihood,
                     const std::vector<std::vector<double>>& starts, const ModelScales& scales,
                     double customers, std::int64_t rows, const ElasticOptions& options);

}  // namespace tenure::clv
