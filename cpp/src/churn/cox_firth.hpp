#pragma once
#include <span>
#include <vector>

#include "tenure/churn/cox_likelihood.hpp"

namespace tenure::churn::detail {

/// Gradient of half the logarithm of the determinant of the information, given its inverse V
/// (p x p): half the sum over slots and ties of W/d E[(x - m)(x - m)' V (x - m)], m the mean of x
/// at risk. The sums exchange as those of the score do: O(n p^2), no third moments. [Firth 1993,
/// Biometrika 80:27-38; Heinze & Schemper 2001, Biometrics 57:114-119]
std::vector<double> firth_score(const CoxLikelihood& at, std::span<const double> inverse,
                                const Execution& execution);

}  // namespace tenure::churn::detail
