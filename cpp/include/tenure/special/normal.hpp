#pragma once

namespace tenure::special {

/// The x with Phi(x) = p, Phi the standard normal distribution function.
/// [Wichura 1988, Applied Statistics 37:477-484, algorithm AS 241, PPND16]
///
/// Relative error below 1e-15 for p in [1e-300, 1 - 1e-16]. For an upper tail pass the small
/// probability and negate: 1 - p has lost it. 0 gives -inf, 1 gives +inf, anything outside [0, 1]
/// and NaN give NaN. Never throws.
double normal_quantile(double p);

/// The half-width of a two-sided interval in standard errors: the z with P(|Z| <= z) = level.
double two_sided_z(double level);

}  // namespace tenure::special
