#pragma once

namespace tenure::special {

/// log 2F1(a, b; c; z) for a, b, c > 0 and 0 <= z < 1, where every term of the series is positive.
/// Absolute error <= 1e-13, or relative where the logarithm exceeds 1; NaN where that cannot be
/// promised, and outside the domain.
///
/// Cost grows with the number of terms, about 36 / (1 - z) + (a + b - c) / (1 - z) for the series
/// itself; Euler's transformation (1 - z)^(c-a-b) 2F1(c-a, c-b; c; z) [DLMF 15.8.1] is summed
/// instead where it is shorter and its terms do not cancel, as for BG/NBD, where c - b is small.
double log_hyp2f1(double a, double b, double c, double z);

}  // namespace tenure::special
