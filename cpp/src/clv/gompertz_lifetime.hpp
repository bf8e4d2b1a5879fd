#pragma once
#include <algorithm>
#include <cmath>

#include "tenure/special/gauss_legendre.hpp"

/// Lifetimes of hazard eta b exp(b t), eta ~ gamma(s, rate beta), written by `ratio` = beta/b,
/// which stays finite where b runs to 0. [docs/methods/ggompertz_nbd.md]
namespace tenure::clv {

struct GompertzLifetime {
  double b, s, ratio;

  /// ratio exp(-b t) + (1 - exp(-b t)) / b: the hazard of somebody who is still there at t is s
  /// over this, and the rest of the lifetime is of the same form with this as its ratio.
  double spread(double t) const {
    return ratio * std::exp(-b * t) + (b * t > 0.0 ? -std::expm1(-b * t) / b : t);
  }

  /// -log S(t) / s = log(1 + (exp(b t) - 1) / beta).
  double wear(double t) const {
    const double z = b * t;
    if (z > 300.0) return z + std::log(spread(t) / ratio);
    return std::log1p((z > 0.0 ? std::expm1(z) / b : t) / ratio);
  }

  GompertzLifetime after(double t) const { return {b, s, spread(t)}; }

  /// How far t is from the nearest point at which 1/spread is singular, in the complex plane.
  double distance(double t) const {
    const double beta = b * ratio;
    if (beta < 1.0) return t - (beta > 1e-8 ? std::log1p(-beta) / b : -ratio);
    return std::hypot(t - std::log(beta - 1.0) / b, 3.14159265358979323846 / b);
  }

  /// Rate at which the log of the density changes, at most.
  double speed(double t) const {
    const double d = spread(t);
    return (s + std::abs(1.0 - b * ratio) * std::exp(-b * t)) / d;
  }
};

inline const special::QuadratureRule& panel_rule() {
  static const special::QuadratureRule rule = special::gauss_legendre(16);
  return rule;
}

/// Length of a panel from t on in which a density of the lifetime, times something that changes at
/// the rate more(t) and is singular `away` behind 0, is flat and smooth enough for 16 nodes.
template <class More>
double panel_length(const GompertzLifetime& life, double t, double left, double away,
                    const More& more) {
  const auto speed = [&](double at) { return life.speed(at) + more(at); };
  double length = std::min({left, away + t, life.distance(t), 3.0 / speed(t)});
  while (length * speed(t + length) > 6.0) length *= 0.5;
  return length;
}

}  // namespace tenure::clv
