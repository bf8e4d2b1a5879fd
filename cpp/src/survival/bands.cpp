#include "tenure/survival/bands.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "tenure/special/gauss_legendre.hpp"
#include "tenure/special/normal.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::survival {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kShortSpan = 0.01;

double normal_density(double x, double variance) {
  return std::exp(-0.5 * x * x / variance) / std::sqrt(2.0 * kPi * variance);
}

/// Integral over [-c, c] of cos((k + 1/2) pi x / c) against an even density, by a rule on [0, c].
template <class Density>
double against_cosine(int k, double c, const special::QuadratureRule& rule,
                      const Density& density) {
  double sum = 0.0;
  for (std::size_t i = 0; i < rule.node.size(); ++i)
    sum += rule.weight[i] * std::cos((k + 0.5) * kPi * rule.node[i]) * density(c * rule.node[i]);
  return 2.0 * c * sum;
}

template <class Probability>
double critical_value(double level, double low, double high, const Probability& probability) {
  for (int i = 0; i < 80 && high - low > 1e-13 * high; ++i) {
    const double middle = 0.5 * (low + high);
    (probability(middle) < level ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

void require_level(double level) {
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput("level", -1, level, "between 0 and 1");
}

}  // namespace

double equal_precision_probability(double c, double a, double b) {
  const double span = 0.5 * (std::log(b / a) + std::log((1.0 - a) / (1.0 - b)));
  if (span < kShortSpan) {
    // So short that the series lasts long: what is lost grows as the root of the span at first.
    const double point = std::erf(c * M_SQRT1_2);
    const double odds = a / (1.0 - a) * std::exp(2.0 * kShortSpan);
    const double later = equal_precision_probability(c, a, odds / (1.0 + odds) * (1.0 + 1e-12));
    return point + (later - point) * std::sqrt(span / kShortSpan);
  }
  // The generator f'' - x f' with walls at +-c, made symmetric by sqrt(phi): -g'' + (x^2/4 - 1/2)
  // g.
  constexpr int kBasis = 64;
  static const special::QuadratureRule rule = special::gauss_legendre(192);
  Eigen::MatrixXd matrix(kBasis, kBasis);
  Eigen::VectorXd start(kBasis);
  const auto square_against = [c](int m) {  // (1/c) int x^2/4 cos(m pi x / c) over [-c, c]
    if (m == 0) return c * c / 6.0;
    const double sign = m % 2 == 0 ? 1.0 : -1.0;
    return sign * c * c / (kPi * kPi * m * m);
  };
  for (int j = 0; j < kBasis; ++j) {
    for (int k = 0; k < kBasis; ++k)
      matrix(j, k) = 0.5 * (square_against(std::abs(j - k)) + square_against(j + k + 1));
    const double wave = (j + 0.5) * kPi / c;
    matrix(j, j) += wave * wave - 0.5;
    start(j) =
        against_cosine(j, c, rule, [](double x) { return std::sqrt(normal_density(x, 1.0)); }) /
        std::sqrt(c);
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  const Eigen::VectorXd share = solver.eigenvectors().transpose() * start;
  double probability = 0.0;
  for (int k = 0; k < kBasis; ++k)
    probability += share(k) * share(k) * std::exp(-solver.eigenvalues()(k) * span);
  return std::clamp(probability, 0.0, 1.0);
}

double hall_wellner_probability(double c, double a, double b) {
  static const special::QuadratureRule rule = special::gauss_legendre(192);
  if (c <= 0.0) return 0.0;
  if (b - a < kShortSpan) {
    const double middle = 0.5 * (a + b);
    const double point = std::erf(c / std::sqrt(2.0 * middle * (1.0 - middle)));
    const double from = std::max(middle - 0.5 * kShortSpan, 0.0);
    const double later = hall_wellner_probability(c, from, from + kShortSpan * (1.0 + 1e-12));
    return point + (later - point) * std::sqrt((b - a) / kShortSpan);
  }
  // Brownian motion from 0 to x at a, within the walls to y at b, and home to 0 at 1.
  const auto arrival = [&](int k, double variance) {
    // Walls more than 8 standard deviations away: the transform of the whole density.
    if (c * c > 64.0 * variance) {
      const double wave = (k + 0.5) * kPi / c;
      return std::exp(-0.5 * wave * wave * variance);
    }
    return against_cosine(k, c, rule, [variance](double x) { return normal_density(x, variance); });
  };
  double sum = 0.0;
  for (int k = 0; k < 128; ++k) {
    const double wave = (k + 0.5) * kPi / c;
    const double decay = std::exp(-0.5 * wave * wave * (b - a));
    if (decay < 1e-18) break;
    const double term = decay * arrival(k, a) * arrival(k, 1.0 - b) / c;
    sum += term;
    if (std::abs(term) < 1e-17 && k > 8) break;
  }
  return std::clamp(sum * std::sqrt(2.0 * kPi), 0.0, 1.0);
}

double equal_precision_critical_value(double level, double a, double b) {
  require_level(level);
  if (!(a > 0.0 && a <= b && b < 1.0)) throw InvalidInput("a", -1, a, "0 < a <= b < 1");
  const double pointwise = special::two_sided_z(level);
  return critical_value(level, pointwise, pointwise + 8.0,
                        [&](double c) { return equal_precision_probability(c, a, b); });
}

double hall_wellner_critical_value(double level, double a, double b) {
  require_level(level);
  if (!(a >= 0.0 && a <= b && b <= 1.0 && b > 0.0 && a < 1.0))
    throw InvalidInput("a", -1, a, "0 <= a <= b <= 1, and some of (0, 1)");
  return critical_value(level, 1e-3, 8.0,
                        [&](double c) { return hall_wellner_probability(c, a, b); });
}

}  // namespace tenure::survival
