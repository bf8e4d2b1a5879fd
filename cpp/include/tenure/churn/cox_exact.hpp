#pragma once
#include <span>

#include "tenure/churn/cox_likelihood.hpp"

namespace tenure::churn {

/// The exact partial likelihood of tied times as a discrete choice: at each time, d of those at
/// risk churn, each set of d with a chance in proportion to exp of its sum of eta. [Cox 1972, eq.
/// 14; recursion: Gail, Lubin & Rubinstein 1981, Biometrika 68:703-707]
///
/// The recursion runs over log of the sum over sets, its gradient (a mean) and its Hessian (a
/// covariance) as mixtures of positive weights, so that nothing overflows or cancels. One pass over
/// the rows of a stratum, O(n d_max p^2); where rows enter late, one pass over each risk set.
/// Strata run in parallel. Weights must be 1.
CoxPoint exact_cox(const CoxData& data, std::span<const double> beta, const Execution& execution);

}  // namespace tenure::churn
