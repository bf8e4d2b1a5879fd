#pragma once
#include <cstdint>
#include <vector>

#include "tenure/segment/gaussian_mixture.hpp"

namespace tenure::segment {

struct GaussianMixtureErrors {
  std::vector<double> weight;  ///< components: standard error; NaN where unknown
  std::vector<double> mean;    ///< components x features
  bool identified;             ///< false: the information is not positive definite, all NaN
};

/// Standard errors of weights and means from the observed information of all parameters,
///
///     I = sum_i w_i [ sum_k r_ik B_ik - sum_k r_ik s_ik s_ik' + s_i s_i' ],  s_i = sum_k r_ik
///     s_ik,
///
/// s_ik and B_ik score and negative Hessian of row i were it known to be of component k
/// [Louis 1982, JRSS B 44:226, eq. 3.1], or `robust` from I^-1 (sum_i w_i s_i s_i') I^-1
/// [White 1982, Econometrica 50:1]. A weight w counts as w equal rows. Components without weight
/// are left out; their errors are NaN.
///
/// Cost: rows x (p^2 + components x q^2)/2 multiply-adds, p parameters in all and q of one
/// component. Bits do not depend on the thread count. Throws InvalidInput as gaussian_mixture_rows
/// does, and for more than 2,000 parameters.
GaussianMixtureErrors gaussian_mixture_errors(const Points<double>& points,
                                              const GaussianMixture& mixture, bool robust,
                                              const Execution& execution);

}  // namespace tenure::segment
