#include "leaving_mean.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "tenure/special/elementary.hpp"
#include "tenure/special/gauss_legendre.hpp"

namespace tenure::clv {
namespace {

constexpr int kNodes = 12;
constexpr int kTerms = 64;
constexpr double kLargest = 120.0;

struct Rule {
  std::array<double, kNodes> node, weight;

  Rule() {
    const special::QuadratureRule rule = special::gauss_legendre(kNodes);
    std::ranges::copy(rule.node, node.begin());
    std::ranges::copy(rule.weight, weight.begin());
  }
};

/// 1 / ((k + 1) (k + 2)).
constexpr std::array<double, kTerms> kShares = [] {
  std::array<double, kTerms> all{};
  for (int k = 0; k < kTerms; ++k) all[static_cast<std::size_t>(k)] = 1.0 / ((k + 1.0) * (k + 2.0));
  return all;
}();

/// A Taylor series in the share of a panel.
struct Series {
  std::array<double, kTerms> term;
  int terms = 0;

  /// False once the terms have run out.
  bool add(double value) {
    term[static_cast<std::size_t>(terms++)] = value;
    const auto negligible = [&](int back) {
      return std::abs(term[static_cast<std::size_t>(terms - back)]) < 1e-17 * std::abs(term[0]);
    };
    return terms < kTerms && !(terms > 2 && negligible(1) && negligible(2));
  }
};

}  // namespace

bool has_leaving_mean(double m, double a, double c) {
  return m <= kLargest && c <= kLargest && a >= 1e-6;
}

double discounted_leaving_mean(double m, double a, double c, double rate, double end) {
  static const Rule rule;
  // Flat enough for the nodes; the other solution of the equation falls like w^(1 - c), and its
  // rounding must not grow within a panel.
  const double steepest = 7.0 / rate, grows = std::min(0.5, 6.0 / c);
  double sum = 0.0, from = 0.0, value = 1.0, slope = -m * a / c;
  while (from < end) {
    double length = std::min({end - from, steepest, 3.0 * (1.0 + from) / m});
    length = std::min(length, from == 0.0 ? 0.35 : grows * from);
    Series s;
    s.add(value);
    s.add(slope * length);
    if (from == 0.0) {
      double k = 1.0, last = s.term[1];
      do {
        last *= -length * (k + m) * (k + a) / ((k + 1.0) * (k + c));
        k += 1.0;
      } while (s.add(last));
    } else {
      const double inverse = length / (from * (1.0 + from));
      const double p = (1.0 + 2.0 * from) * inverse, q = (c + (m + a + 1.0) * from) * inverse;
      const double square = length * inverse;
      double two = s.term[0], one = s.term[1], k = 0.0;
      double next = 0.0;
      do {
        next = -((k + 1.0) * (p * k + q) * one + square * (k + m) * (k + a) * two) *
               kShares[static_cast<std::size_t>(k)];
        two = one;
        one = next;
        k += 1.0;
      } while (s.add(next));
    }
    std::array<double, kNodes> at{};
    double ahead = 0.0, turn = 0.0;
    for (int k = s.terms - 1; k >= 0; --k) {
      const double term = s.term[static_cast<std::size_t>(k)];
      for (std::size_t j = 0; j < kNodes; ++j) at[j] = at[j] * rule.node[j] + term;
      ahead += term;
      turn += k * term;
    }
    double part = 0.0;
    for (std::size_t j = 0; j < kNodes; ++j)
      part += rule.weight[j] * at[j] * special::vector_exp(-rate * (from + length * rule.node[j]));
    sum += length * part;
    if (from + length <= from) break;
    from += length;
    value = ahead;
    slope = turn / length;
    // What is still to come falls at the rate of discount, at least.
    if (value * std::exp(-rate * from) < 1e-17 * rate * sum) break;
  }
  return sum;
}

}  // namespace tenure::clv
