#pragma once

namespace tenure::special {

/// log B(a, b) = log Gamma(a) + log Gamma(b) - log Gamma(a + b) for a, b > 0, without the
/// cancellation of that formula: relative error <= 1e-14, or absolute <= 1e-15 beside the curve
/// B(a, b) = 1. [DiDonato & Morris 1992, ACM TOMS 18:360, algorithm 708, for the form with both
/// large.] +inf if an argument is 0, -inf if one is infinite (NaN if both rules apply); NaN if one
/// is negative.
double log_beta(double a, double b);

}  // namespace tenure::special
