#include "time_varying_nodes.hpp"

#include <array>

#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::clv::time_varying {
namespace {

struct Grade {
  int nodes;
  double largest;
};
constexpr std::array<Grade, 7> kGrades{
    {{3, 0.0035}, {4, 0.024}, {5, 0.078}, {6, 0.16}, {8, 0.39}, {10, 0.73}, {12, kLargestPlain}}};

[[gnu::always_inline]] inline double lanes_added(const double* lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

}  // namespace

const special::QuadratureRule& plain_rule(double product) {
  static const std::array<special::QuadratureRule, kGrades.size()> rules = [] {
    std::array<special::QuadratureRule, kGrades.size()> all;
    for (std::size_t g = 0; g < all.size(); ++g) all[g] = special::gauss_legendre(kGrades[g].nodes);
    return all;
  }();
  std::size_t g = 0;
  while (g + 1 < kGrades.size() && product > kGrades[g].largest) ++g;
  return rules[g];
}

int pad(Nodes& nodes, double p0, double q0) {
  const int full = (nodes.count + kLanes - 1) / kLanes * kLanes;
  for (int k = nodes.count; k < full; ++k) {
    nodes.p[k] = p0;
    nodes.q[k] = q0;
    nodes.since[k] = nodes.weight[k] = 0.0;
  }
  return full;
}

TENURE_CLONES void weigh_nodes(Nodes& n, int full, double m, double s, double p0, double q0) {
  for (int i = 0; i < full; ++i) {
    n.in_p[i] = 1.0 / n.p[i];
    n.in_q[i] = 1.0 / n.q[i];
    n.log_p[i] = special::vector_log(n.p[i] / p0);
    n.log_q[i] = special::vector_log(n.q[i] / q0);
    n.f[i] = n.weight[i] * n.in_q[i] * special::vector_exp(-m * n.log_p[i] - s * n.log_q[i]);
  }
}

TENURE_CLONES void add_products(const double* f, const double* columns, std::size_t size, int full,
                                double* first, double* second) {
  alignas(64) double weighted[kNodes];
  std::size_t at = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double* const c = columns + i * kNodes;
    for (int k = 0; k < full; ++k) weighted[k] = f[k] * c[k];
    double sum[kLanes] = {};
    for (int k = 0; k < full; k += kLanes)
      for (int l = 0; l < kLanes; ++l) sum[l] += weighted[k + l];
    first[i] += lanes_added(sum);
    for (std::size_t j = 0; j <= i; ++j) {
      const double* const d = columns + j * kNodes;
      double lane[kLanes] = {};
      for (int k = 0; k < full; k += kLanes)
        for (int l = 0; l < kLanes; ++l) lane[l] += weighted[k + l] * d[k + l];
      second[at++] += lanes_added(lane);
    }
  }
}

}  // namespace tenure::clv::time_varying
