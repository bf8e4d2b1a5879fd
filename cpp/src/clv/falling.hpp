#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "tenure/special/elementary.hpp"
#include "tenure/special/gauss_legendre.hpp"

/// Quadrature for products of powers and exponentials that fall in time, such as
///
///     (1 + a t)^-m (1 + b t)^-(s + 1)   or   exp(-d t) (1 + b t)^-s.
///
/// They fall from 1 at t = 0, first at some rate, then slower and slower. In q = log(1 + c t), with
/// c about that rate, they are smooth over all scales of time, and Gauss-Legendre converges
/// geometrically. [docs/methods/pareto_nbd.md]
namespace tenure::clv::falling {

/// The c for two powers. Small ones too are singular at -1/a.
[[gnu::always_inline]] inline double rate(double m, double a, double s, double b) {
  return (m > 1.0 ? m : 1.0) * a + (s + 1.0) * b;
}

/// Numbers of nodes, and the longest range in q that each serves with a relative error of 1e-13.
struct Grade {
  int nodes;
  double longest;
};
inline constexpr std::array<Grade, 6> kGrades{
    {{8, 0.9}, {12, 1.9}, {16, 2.7}, {24, 4.6}, {32, 7.4}, {64, 1e3}}};

inline std::size_t grade_of(double range) {
  std::size_t g = 0;
  while (g + 1 < kGrades.size() && range > kGrades[g].longest) ++g;
  return g;
}

inline const special::QuadratureRule& rule(std::size_t grade) {
  static const std::array<special::QuadratureRule, kGrades.size()> rules = [] {
    std::array<special::QuadratureRule, kGrades.size()> all;
    for (std::size_t g = 0; g < all.size(); ++g) all[g] = special::gauss_legendre(kGrades[g].nodes);
    return all;
  }();
  return rules[grade];
}

/// Behind this, (1 + u)^-m and its integral from there on are below 1e-17 of those before.
inline double cut(double m) {
  return m > 1.0 ? std::expm1(std::min(700.0, 40.0 / (m - 1.0))) : 1e300;
}

}  // namespace tenure::clv::falling
