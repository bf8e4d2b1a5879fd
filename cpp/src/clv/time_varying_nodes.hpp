#pragma once
#include <cstddef>

#include "tenure/special/gauss_legendre.hpp"

/// Quadrature over the times at which a customer of the Pareto/NBD model may have left, many pieces
/// of time at once.
namespace tenure::clv::time_varying {

inline constexpr int kNodes = 512;     ///< worked through at once: all columns stay in the cache
inline constexpr int kMostNodes = 64;  ///< of one piece
inline constexpr int kLanes = 8;       ///< the order of summation is fixed

/// The largest product of rate and length that a rule in plain time serves; above, time is bent as
/// in falling.hpp.
inline constexpr double kLargestPlain = 1.1;

/// The rule for a product of rate and length up to kLargestPlain, of relative error 1e-14.
const special::QuadratureRule& plain_rule(double product);

/// Times at which a customer may have left. P = alpha + A(t), Q = beta + B(t).
struct Nodes {
  int count = 0;
  alignas(64) double p[kNodes], q[kNodes], since[kNodes], weight[kNodes];
  /// log(P/P_0) and log(Q/Q_0), relative to t_x; 1/P, 1/Q; the density times its weight.
  alignas(64) double log_p[kNodes], log_q[kNodes], in_p[kNodes], in_q[kNodes], f[kNodes];

  void put(double at_p, double at_q, double at, double with) {
    p[count] = at_p;
    q[count] = at_q;
    since[count] = at;
    weight[count++] = with;
  }
};

/// Pads the nodes to full lanes, of weight 0, and returns their number.
int pad(Nodes& nodes, double p0, double q0);

/// weight / Q (P/P_0)^-m (Q/Q_0)^-s at all nodes.
void weigh_nodes(Nodes& nodes, int full, double m, double s, double p0, double q0);

/// first[i] += sum f c_i and second[i, j] += sum f c_i c_j over columns of kNodes each.
void add_products(const double* f, const double* columns, std::size_t size, int full, double* first,
                  double* second);

}  // namespace tenure::clv::time_varying
