#pragma once

/// Purchases within a time of somebody who does not leave: Poisson with a rate ~ gamma(shape m,
/// rate alpha), so negative binomial with odds w = time / alpha.
namespace tenure::clv::negative_binomial {

/// log P(K = n); n whole and >= 0, w >= 0.
double log_pmf(double m, double w, double n);

/// P(K >= n) for n >= 1, given P(K = n): an incomplete beta function.
double tail(double m, double w, double n, double pmf);

}  // namespace tenure::clv::negative_binomial
