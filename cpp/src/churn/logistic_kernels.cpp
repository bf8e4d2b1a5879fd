// Compiled with -O3 and -ffp-contract=fast, as cox_kernels.cpp is.
#include "logistic_kernels.hpp"

#include <algorithm>

#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::churn::detail {

TENURE_CLONES void standardise(const double* x, std::int64_t rows, std::int64_t step,
                               std::int64_t columns, const double* centre, const double* inverse,
                               std::int64_t lead, std::int64_t stride, double* z) {
  for (std::int64_t i = 0; i < rows; ++i, x += step, z += stride) {
    if (lead) z[0] = 1.0;
    for (std::int64_t j = 0; j < columns; ++j) z[lead + j] = (x[j] - centre[j]) * inverse[j];
    for (std::int64_t j = lead + columns; j < stride; ++j) z[j] = 0.0;
  }
}

TENURE_CLONES void logistic_terms(const double* eta, const double* sign, const double* weight,
                                  std::int64_t rows, double* value, double* residual,
                                  double* curvature) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const double margin = sign[i] * eta[i];
    const double size = margin < 0.0 ? -margin : margin;
    const double e = special::vector_exp(-size);
    const double share = 1.0 / (1.0 + e);
    // mu of the outcome that did not happen, without a difference that cancels.
    const double other = (margin < 0.0 ? 1.0 : e) * share;
    value[i] = -weight[i] * ((margin < 0.0 ? size : 0.0) + special::vector_log1p(e));
    residual[i] = weight[i] * sign[i] * other;
    curvature[i] = weight[i] * e * share * share;
  }
}

TENURE_CLONES void quadratic_forms(const double* z, std::int64_t rows, std::int64_t stride,
                                   const double* m, double* out) {
  for (std::int64_t i = 0; i < rows; ++i, z += stride) {
    double total[8] = {};
    for (std::int64_t j = 0; j < stride; j += 8) {
      double row[8] = {};
      for (std::int64_t k = 0; k < stride; ++k)
        for (std::int64_t l = 0; l < 8; ++l) row[l] += z[k] * m[k * stride + j + l];
      for (std::int64_t l = 0; l < 8; ++l) total[l] += row[l] * z[j + l];
    }
    out[i] = ((total[0] + total[4]) + (total[2] + total[6])) +
             ((total[1] + total[5]) + (total[3] + total[7]));
  }
}

TENURE_CLONES void add_moments(const double* x, const double* weight, std::int64_t rows,
                               std::int64_t columns, const double* shift, const ColumnMoments& to) {
  double* const sum = to.sum;
  double* const square = to.square;
  double* const least = to.least;
  double* const most = to.most;
  for (std::int64_t i = 0; i < rows; ++i, x += columns) {
    const double w = weight ? weight[i] : 1.0;
    if (w == 0.0) continue;
    for (std::int64_t j = 0; j < columns; ++j) {
      const double d = x[j] - shift[j];
      sum[j] += w * d;
      square[j] += w * d * d;
      least[j] = x[j] < least[j] ? x[j] : least[j];
      most[j] = x[j] > most[j] ? x[j] : most[j];
    }
  }
}

}  // namespace tenure::churn::detail
