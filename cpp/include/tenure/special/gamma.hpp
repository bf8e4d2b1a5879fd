#pragma once

namespace tenure::special {

/// log|Gamma(x)|. Never touches `signgam`, unlike std::lgamma: safe in threads. For x > 0 within 2
/// ulp, also beside the zeros at 1 and 2; for x < 0 by reflection, with small absolute error near
/// its zeros. Poles (0, -1, ...) and both infinities give +inf; NaN in, NaN out. Constant cost, no
/// loop.
double lgamma(double x);

/// psi(x) = d/dx log Gamma(x), within 4 ulp for x > 0, also beside its root 1.4616...; for x < 0 by
/// reflection. psi(+0) = -inf, psi(-0) = +inf, psi(+inf) = +inf; NaN at the other poles and at
/// -inf.
double digamma(double x);

/// psi'(x), within 4 ulp for x > 0; by reflection for x < 0. Poles give +inf; NaN at -inf.
double trigamma(double x);

/// log Gamma(x + n) - log Gamma(x) for x > 0 and n >= 0, both real; NaN elsewhere. For x >= 16 the
/// difference of the two Stirling series is taken term by term, so nothing cancels however large x
/// is or small n is: relative error <= 2e-15. Below, <= 4e-15 of the larger of the result and 1.
double log_gamma_ratio(double x, double n);

}  // namespace tenure::special
