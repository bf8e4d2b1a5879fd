#pragma once

namespace tenure::special {

/// Q(a, x) = Gamma(a, x) / Gamma(a), the regularised upper incomplete gamma function, for a > 0 and
/// x >= 0: by its complement's series below x = a + 1 [DLMF 8.7.1], by Legendre's continued
/// fraction above [DLMF 8.9.2]. The factor x^a e^-x / Gamma(a) is put together from Stirling's
/// series where a >= 16, so that its exponent does not cancel.
///
/// Relative error below 2e-13 for 1/2 <= a <= 1000 and Q >= 1e-300; for smaller a, where Q is the
/// difference of two numbers near 1, absolute error below 1e-15. O(sqrt(a)) terms at worst. NaN
/// outside the domain and for NaN. Never throws.
double gamma_q(double a, double x);

/// P(X >= x) of a chi-square variable with `df` > 0 degrees of freedom: Q(df / 2, x / 2); 1 for x
/// <= 0.
double chi_square_survival(double x, double df);

}  // namespace tenure::special
