#include "tenure/special/gamma_cross.hpp"

#include <array>
#include <cmath>
#include <limits>

#include "tenure/special/gamma.hpp"

namespace tenure::special {
namespace {

// From here on the asymptotic series below are exact to rounding.
constexpr double kLargeArgument = 16.0;
constexpr std::size_t kPowers = 13;

/// f(p) - f(p + a) - f(p + x) + f(p + a + x) of the powers f(s) = s^-1, ..., s^-13: sums of
/// positive terms, so that nothing cancels.
struct CrossedPowers {
  CrossedPowers(double p, double a, double x) {
    const double q = p + a + x;
    const double at_p = 1.0 / p, at_a = 1.0 / (p + a), at_x = 1.0 / (p + x), at_q = 1.0 / q;
    const double first = a * at_x * at_q;  // at_x - at_q
    of[1] = (a * at_p * at_a) * (x * at_x) * ((p + q) * at_q);
    const double second = x * at_a * at_q;  // at_a - at_q
    double pow_a = at_a, pow_q = at_q;
    double difference = first, gap = second;  // at_x^k - at_q^k and at_a^k - at_q^k
    for (std::size_t k = 2; k <= kPowers; ++k) {
      of[k] = at_p * of[k - 1] + x * at_p * at_x * difference + of[1] * pow_a + first * gap;
      difference = at_x * difference + first * pow_q;
      gap = at_a * gap + second * pow_q;
      pow_a *= at_a;
      pow_q *= at_q;
    }
  }
  std::array<double, kPowers + 1> of{};
};

/// log1p(a x / (p (p + a + x))), the amount by which a step p -> p + 1 lowers the logarithm.
double step_log(double p, double a, double x) { return std::log1p((a / p) * (x / (p + a + x))); }

/// x log x crossed, by logarithms near 0: p q / ((p + a)(p + x)) = 1 / (1 + a x / (p q)).
double entropy(double p, double a, double x, double log_step) {
  return (a * std::log1p(x / (p + a)) - p * log_step) + x * std::log1p(a / (p + x));
}

double large_value(double p, double a, double x, double log_step, const CrossedPowers& c) {
  const auto& d = c.of;
  return entropy(p, a, x, log_step) + 0.5 * log_step +
         (d[1] / 12.0 - d[3] / 360.0 + d[5] / 1260.0 - d[7] / 1680.0 + d[9] / 1188.0 -
          d[11] * (691.0 / 360360.0));
}

}  // namespace

// Differences of the series of psi and psi' [DLMF 5.11.2 and its derivative], taken term by term:
// with u = 1/s and v = 1/(s + x) each is u^k - v^k = (u - v)(...), where u - v = u v x.
GammaDifference gamma_difference(double s, double x) {
  GammaDifference f{0.0, 0.0};
  for (; s < kLargeArgument; s += 1.0) {
    const double u = 1.0 / s, v = 1.0 / (s + x);
    const double d = x * u * v;
    f.digamma += d;
    f.trigamma -= d * (u + v);
  }
  const double u = 1.0 / s, v = 1.0 / (s + x);
  const double d1 = u * v * x;
  const double u2 = u * u, v2 = v * v;
  const double d2 = d1 * (u + v);
  const double d3 = d1 * (u2 + u * v + v2);
  const double d4 = d2 * (u2 + v2);
  const double d5 = d1 * (u2 * u2 + u * v * (u2 + v2) + u2 * v2 + v2 * v2);
  const double d6 = d2 * (u2 * u2 + u2 * v2 + v2 * v2);
  const double d7 = u * d6 + v2 * v2 * v2 * d1;
  const double d8 = d4 * (u2 * u2 + v2 * v2);
  const double d9 = u * d8 + v2 * v2 * v2 * v2 * d1;
  f.digamma += std::log1p(x * u) + d1 / 2.0 + d2 / 12.0 - d4 / 120.0 + d6 / 252.0 - d8 / 240.0;
  f.trigamma += -(d1 + d2 / 2.0 + d3 / 6.0 - d5 / 30.0 + d7 / 42.0 - d9 / 30.0);
  return f;
}

double log_gamma_cross(double p, double a, double x) {
  if (!(p > 0.0 && a >= 0.0 && x >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0.0 || x == 0.0) return 0.0;
  if (x == 1.0) return std::log1p(a / p);
  if (std::isinf(x)) return x;
  double below = 0.0;
  for (; p < kLargeArgument; p += 1.0) below += step_log(p, a, x);
  return below + large_value(p, a, x, step_log(p, a, x), CrossedPowers(p, a, x));
}

GammaCross gamma_cross(double p, double a, double x) {
  GammaCross g{};
  g.value = log_gamma_cross(p, a, x);
  const GammaDifference in_a = gamma_difference(p + a, x), in_x = gamma_difference(p + x, a);
  g.a = in_a.digamma;
  g.aa = in_a.trigamma;
  g.x = in_x.digamma;
  g.xx = in_x.trigamma;
  g.ax = trigamma(p + a + x);
  // Derivatives in p: the steps below 16, then psi and psi' crossed.
  for (; p < kLargeArgument; p += 1.0) {
    const CrossedPowers step(p, a, x);
    g.p -= step.of[1];
    g.pp += step.of[2];
  }
  const CrossedPowers crossed(p, a, x);
  const auto& d = crossed.of;
  g.p -= step_log(p, a, x) + d[1] / 2.0 + d[2] / 12.0 - d[4] / 120.0 + d[6] / 252.0 - d[8] / 240.0 +
         d[10] / 132.0 - d[12] * (691.0 / 32760.0);
  g.pp += d[1] + d[2] / 2.0 + d[3] / 6.0 - d[5] / 30.0 + d[7] / 42.0 - d[9] / 30.0 +
          d[11] * (5.0 / 66.0) - d[13] * (691.0 / 2730.0);
  return g;
}

}  // namespace tenure::special
