#include <algorithm>
#include <cmath>

#include "covariate_rows.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::clv {
namespace {

constexpr int kRowHessian = row_hessian(4);
constexpr double kLongestSum = 32.0;

/// log of (b)_x / (a + b)_x and what its derivatives are made of, with i = 1/(b + k), j = 1/(a + b
/// + k) summed over k < x: j, j^2, i - j and i^2 - j^2.
struct Outlived {
  double log, j, jj, difference, squares;
};

Outlived by_gamma_functions(double a, double b, double x) {
  const RisingFactorial f = rising_factorial(b, x), g = rising_factorial(a + b, x);
  return {f.log - g.log, g.first, -g.second, f.first - g.first, g.second - f.second};
}

/// `outlived` of the rows: sums of positive terms for small x, gamma functions for others, which
/// are called once where all rows have the same a and b.
[[gnu::always_inline]] inline void outlive(const RowChunk& c, const double* a, const double* b,
                                           double (*out)[kRowChunk]) {
  for (int k = 0; k < 5; ++k)
    for (int i = 0; i < c.full; ++i) out[k][i] = 0.0;
  if (c.x > kLongestSum) {
    Outlived o{};
    for (int i = 0; i < c.full; ++i) {
      if (i == 0 || a[i] != a[i - 1] || b[i] != b[i - 1]) o = by_gamma_functions(a[i], b[i], c.x);
      out[0][i] = o.log;
      out[1][i] = o.j;
      out[2][i] = o.jj;
      out[3][i] = o.difference;
      out[4][i] = o.squares;
    }
    return;
  }
  for (double k = 0.0; k < c.x; k += 1.0)
    for (int i = 0; i < c.full; ++i) {
      const double in_b = 1.0 / (b[i] + k), in_ab = 1.0 / (a[i] + b[i] + k);
      const double ratio = a[i] * in_b;
      const double u = 1.0 + ratio;
      const double both = ratio * in_ab;
      out[0][i] -= special::vector_log(u) + (ratio - (u - 1.0)) / u;
      out[1][i] += in_ab;
      out[2][i] += in_ab * in_ab;
      out[3][i] += both;
      out[4][i] += both * (in_b + in_ab);
    }
}

/// The likelihood of the BG/NBD model; `lowest` is the least x that has had a chance to leave.
[[gnu::always_inline]] inline void add_rows(const RowChunk& c, const double* b, double lowest,
                                            double (*term)[kRowChunk]) {
  const double *const r = c.parameter[0], *const alpha = c.parameter[1], *const a = c.parameter[2];
  alignas(64) double gone[5][kRowChunk];
  outlive(c, a, b, gone);
  const RisingFactorial in_r = rising_factorial(r[0], c.x);  // r is the same for all
  double* const h = term[kRowHessian];
  for (int i = 0; i < c.full; ++i) {
    const double m = r[i] + c.x;
    const double ratio = c.age[i] / alpha[i];
    const double u = 1.0 + ratio;
    const double inverse = 1.0 / u;
    const double log_ratio = special::vector_log(u) + (ratio - (u - 1.0)) * inverse;
    const double rest = ratio * inverse;
    term[kRowValue][i] =
        in_r.log - c.x * special::vector_log(alpha[i]) - m * log_ratio + gone[0][i];
    term[kRowGradient + 0][i] = r[i] * (in_r.first - log_ratio);
    term[kRowGradient + 1][i] = m * rest - c.x;
    term[kRowGradient + 2][i] = -a[i] * gone[1][i];
    term[kRowGradient + 3][i] = b[i] * gone[3][i];
    // (r, r), (alpha, r), (alpha, alpha), (a, r), (a, alpha), (a, a), (b, r), ...
    h[0 * kRowChunk + i] = r[i] * (in_r.first + r[i] * in_r.second - log_ratio);
    h[1 * kRowChunk + i] = r[i] * rest;
    h[2 * kRowChunk + i] = -m * rest * inverse;
    h[3 * kRowChunk + i] = h[4 * kRowChunk + i] = 0.0;
    h[5 * kRowChunk + i] = a[i] * (a[i] * gone[2][i] - gone[1][i]);
    h[6 * kRowChunk + i] = h[7 * kRowChunk + i] = 0.0;
    h[8 * kRowChunk + i] = a[i] * b[i] * gone[2][i];
    h[9 * kRowChunk + i] = b[i] * (gone[3][i] - b[i] * gone[4][i]);
  }
  if (c.x < lowest) return;
  // The log odds of having left, and their derivatives, as in bg_nbd_likelihood.cpp.
  for (int i = 0; i < c.full; ++i) {
    const double m = r[i] + c.x;
    const double survive = b[i] + (c.x - 1.0);
    const double since = 1.0 / (alpha[i] + c.recency[i]);
    const double ratio = (c.age[i] - c.recency[i]) * since;
    const double u = 1.0 + ratio;
    const double inverse = 1.0 / u;
    const double at_last = alpha[i] * since;
    const double d = special::vector_log(u) + (ratio - (u - 1.0)) * inverse;
    const double e = -at_last * ratio * inverse;
    const double f = 1.0 - at_last * inverse - at_last;
    const double delta = special::vector_log(a[i]) - special::vector_log(survive) + m * d;
    const double size = std::abs(delta);
    const double small = special::vector_exp(-size);
    const double sum = 1.0 + small;
    const double share = 1.0 / sum;
    const double q = delta > 0.0 ? share : small * share;
    const double v = small * share * share;
    const double beta = b[i] / survive;
    term[kRowValue][i] +=
        0.5 * (delta + size) + special::vector_log(sum) + (small - (sum - 1.0)) * share;
    term[kRowGradient + 0][i] += r[i] * q * d;
    term[kRowGradient + 1][i] += m * q * e;
    term[kRowGradient + 2][i] += q;
    term[kRowGradient + 3][i] -= beta * q;
    h[0 * kRowChunk + i] += r[i] * (q * d + r[i] * v * d * d);
    h[1 * kRowChunk + i] += r[i] * (q * e + m * v * d * e);
    h[2 * kRowChunk + i] += m * (q * e * f + m * v * e * e);
    h[3 * kRowChunk + i] += r[i] * v * d;
    h[4 * kRowChunk + i] += m * v * e;
    h[5 * kRowChunk + i] += v;
    h[6 * kRowChunk + i] -= beta * r[i] * v * d;
    h[7 * kRowChunk + i] -= beta * m * v * e;
    h[8 * kRowChunk + i] -= beta * v;
    h[9 * kRowChunk + i] += beta * (beta * v - (1.0 - beta) * q);
  }
}

TENURE_CLONES void of_stayers(const RowChunk& c, double (*term)[kRowChunk]) {
  add_rows(c, c.parameter[3], 1.0, term);
}

/// Who may leave after the first purchase outlives it with probability b / (a + b), and is then one
/// of the BG/NBD model with b + 1 in place of b.
TENURE_CLONES void of_leavers(const RowChunk& c, double (*term)[kRowChunk]) {
  const double *const a = c.parameter[2], *const b = c.parameter[3];
  alignas(64) double outlived[kRowChunk];
  for (int i = 0; i < c.full; ++i) outlived[i] = b[i] + 1.0;
  add_rows(c, outlived, 0.0, term);
  double* const h = term[kRowHessian];
  for (int i = 0; i < c.full; ++i) {
    const double share = b[i] / outlived[i];  // d log(b + 1) / d log b
    const double slope = term[kRowGradient + 3][i];
    const double leave = a[i] / (a[i] + b[i]), stay = b[i] / (a[i] + b[i]);
    term[kRowValue][i] += special::vector_log(stay);
    term[kRowGradient + 2][i] -= leave;
    term[kRowGradient + 3][i] = share * slope + leave;
    h[5 * kRowChunk + i] -= leave * stay;
    h[6 * kRowChunk + i] *= share;
    h[7 * kRowChunk + i] *= share;
    h[8 * kRowChunk + i] = share * h[8 * kRowChunk + i] + leave * stay;
    h[9 * kRowChunk + i] =
        share * (share * h[9 * kRowChunk + i] + (1.0 - share) * slope) - leave * stay;
  }
}

}  // namespace

const RowKernel& bg_nbd_rows() {
  static constexpr RowKernel kernel{of_stayers, 4, {0, 1, 0, 0}};
  return kernel;
}

const RowKernel& mbg_nbd_rows() {
  static constexpr RowKernel kernel{of_leavers, 4, {0, 1, 0, 0}};
  return kernel;
}

}  // namespace tenure::clv
