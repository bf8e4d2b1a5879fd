#pragma once

/// Differences of the gamma function's logarithm over one and over two steps, as they stand in
/// ratios of beta functions. They stay exact to rounding where the gamma functions themselves agree
/// in nearly all digits.
namespace tenure::special {

/// psi(s + x) - psi(s) >= 0 and psi'(s + x) - psi'(s) <= 0.
struct GammaDifference {
  double digamma, trigamma;
};

/// For s > 0, x >= 0. Relative error below 1e-13 however small x is or large s is: sums of terms of
/// one sign up to s = 16, and from there on the difference of the asymptotic series [DLMF 5.11.2],
/// taken term by term. Constant cost.
GammaDifference gamma_difference(double s, double x);

/// log [Gamma(p) Gamma(p + a + x) / (Gamma(p + a) Gamma(p + x))] >= 0 for p > 0, a >= 0, x >= 0,
/// symmetric in a and x: the logarithm of B(a, p) / B(a, p + x). [Malmsten's integral, DLMF 5.9.10,
/// shows that it is a sum of positive parts]
///
/// log1p(a / p) for x = 1. Otherwise by p -> p + 1, each step a positive log1p, up to p = 16, and
/// there by Stirling's series, differenced term by term. Relative error below 2e-14 for arguments
/// of any size. Infinite for infinite x, a > 0. Constant cost.
double log_gamma_cross(double p, double a, double x);

/// The same with its derivatives. Those in (a, p) are those in (a, a), those in (x, p) those in
/// (x, x).
struct GammaCross {
  double value;
  double p, a, x;
  double pp, aa, xx, ax;
};

GammaCross gamma_cross(double p, double a, double x);

}  // namespace tenure::special
