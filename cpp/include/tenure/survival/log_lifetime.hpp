#pragma once
#include <cstdint>

namespace tenure::survival {

/// The law of W in log T = eta + sigma W.
///   weibull            minimum extreme value: S = exp(-e^w); with sigma = 1 exponential
///   log_normal         standard normal
///   log_logistic       standard logistic
///   generalized_gamma  Prentice's: W = log(G / q^-2) / q, G gamma distributed with shape q^-2; q =
///   1 is
///                      weibull, q = 0 log_normal, q < 0 has heavy tails, q = sigma gamma
///                      [Prentice 1974, Biometrika 61:539-544]
enum class Lifetime : std::uint8_t {
  exponential,
  weibull,
  log_normal,
  log_logistic,
  generalized_gamma
};

/// log density of W and its first two derivatives, log S and log F, at one w; relative accuracy in
/// both tails of all but generalized_gamma about 1e-14, there about 1e-12 (1e-10 for 0 < |q| <
/// 0.03, by interpolation between laws of larger |q|).
struct LogLaw {
  double density, slope, curvature;
  double survival, failure;
};

LogLaw log_law(Lifetime law, double shape, double w);

/// The w with S(w) = exp(log_survival), for log_survival in (-inf, 0); by bisection for
/// generalized_gamma.
double inverse_survival(Lifetime law, double shape, double log_survival);

}  // namespace tenure::survival
