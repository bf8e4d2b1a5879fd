#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "tenure/special/elementary.hpp"
#include "tenure/special/gauss_legendre.hpp"

/// What the silence between the last purchase and the end of observation tells: the integral over
/// the time t of leaving in (t_x, T] of
///
///     f(t) = ((alpha + t_x)/(alpha + t))^m ((beta + t_x)/(beta + t))^(s + 1),   m = r + x.
///
/// It falls from 1 at t_x, first at the rate m/(alpha + t_x) + (s + 1)/(beta + t_x), then slower
/// and slower. In q = log(1 + c (t - t_x)), with c about that rate, it is smooth over all scales of
/// time, and Gauss-Legendre converges geometrically. [docs/methods/pareto_nbd.md]
namespace tenure::clv::silence {

/// The c above. Small powers too are singular within a time of alpha + t_x.
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

/// Behind this much time f is below 1e-17, and so is what is left of the integral, relative to it.
/// A constant of the frequency, times alpha + t_x.
inline double cut(double m) {
  return m > 1.0 ? std::expm1(std::min(700.0, 40.0 / (m - 1.0))) : 1e300;
}

}  // namespace tenure::clv::silence
