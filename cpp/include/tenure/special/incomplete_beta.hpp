#pragma once

namespace tenure::special {

/// I_x(a, b), the regularised incomplete beta function: the distribution function of beta(a, b) at
/// x, for a, b > 0 and x in [0, 1]; NaN outside. By the continued fraction DLMF 8.17.22, on the
/// side of the mean where it converges fast: about sqrt(max(a, b)) steps. Relative error <= 2e-13
/// of the smaller of I and 1 - I for a, b <= 1e4 and I >= 1e-300.
double incomplete_beta(double a, double b, double x);

}  // namespace tenure::special
