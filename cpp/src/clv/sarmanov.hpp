#pragma once
#include <array>

#include "tenure/clv/correlated_pareto_nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"

/// A Sarmanov density of gamma rates is a signed mixture of four pairs of independent gammas:
/// exp(-lambda alpha/r) gamma(lambda; r, alpha) is E1 gamma(lambda; r, alpha (1 + 1/r)), and so
///
///     g = (1 + w) g_00 - w g_10 - w g_01 + w g_11,   w = m E1 E2,
///
/// where an index 1 stretches alpha, or beta, by 1 + 1/r, or 1 + 1/s.
namespace tenure::clv::sarmanov {

inline constexpr int kParts = 4;

/// Which rates part k stretches: 00, 10, 01, 11.
constexpr bool stretches_alpha(int k) { return (k & 1) != 0; }
constexpr bool stretches_beta(int k) { return (k & 2) != 0; }

/// Whether w enters part k with a plus.
constexpr double sign(int k) { return k == 0 || k == 3 ? 1.0 : -1.0; }

/// w and its derivatives in (log r, log s, log odds), second ones as a lower triangle by rows.
/// Where a limit of m changes its branch they are those of one side.
struct Weight {
  double value, lowest, highest;
  std::array<double, 3> first;
  std::array<double, 6> second;

  double of_part(int k) const { return k == 0 ? 1.0 + value : sign(k) * value; }
};
Weight weight(double r, double s, double odds);

/// Part k of the mixture.
ParetoNbdParameters part(const CorrelatedParetoNbdParameters& p, int k);

}  // namespace tenure::clv::sarmanov
