#pragma once
#include <vector>

namespace tenure::special {

/// Nodes, ascending, and weights of a rule for integrals over [0, 1].
struct QuadratureRule {
  std::vector<double> node, weight;
};

/// The Gauss-Legendre rule of n >= 1 points, exact for polynomials of degree 2 n - 1. Nodes and
/// weights to rounding, by Newton's method on the Legendre polynomial; O(n^2).
QuadratureRule gauss_legendre(int n);

}  // namespace tenure::special
