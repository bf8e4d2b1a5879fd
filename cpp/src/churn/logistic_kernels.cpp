// Compiled with -O3 and -ffp-contract=fast, as cox_kernels.cpp is.
#include "logistic_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cox_lanes.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::churn::detail {

TENURE_CLONES void standardise(const double* __restrict x, std::int64_t rows, std::int64_t columns,
                               const double* __restrict centre, const double* __restrict inverse,
                               std::int64_t lead, std::int64_t stride, double* __restrict z) {
  for (std::int64_t i = 0; i < rows; ++i, x += columns, z += stride) {
    if (lead) z[0] = 1.0;
    for (std::int64_t j = 0; j < columns; ++j) z[lead + j] = (x[j] - centre[j]) * inverse[j];
    for (std::int64_t j = lead + columns; j < stride; ++j) z[j] = 0.0;
  }
}

// Without __restrict the checks for overlap are too many, and no loop is vectorised.
TENURE_CLONES void logistic_terms(const double* __restrict eta, const double* __restrict sign,
                                  const double* __restrict weight, std::int64_t rows,
                                  double* __restrict value, double* __restrict residual,
                                  double* __restrict curvature) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const double margin = sign[i] * eta[i];
    const double size = margin < 0.0 ? -margin : margin;
    const double e = special::vector_exp(-size);
    const double share = 1.0 / (1.0 + e);
    // mu of the outcome that did not happen, without a difference that cancels.
    const double other = margin < 0.0 ? share : e * share;
    value[i] = -weight[i] * ((margin < 0.0 ? size : 0.0) + special::vector_log1p(e));
    residual[i] = weight[i] * sign[i] * other;
    curvature[i] = weight[i] * e * share * share;
  }
}

TENURE_CLONES void lane_logistic(double* __restrict eta, const double* __restrict sign,
                                 const double* __restrict weight, std::int64_t rows,
                                 double* __restrict work, double* __restrict value) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t l = 0; l < kLanes; ++l) eta[i * kLanes + l] *= sign[i];
  for (std::int64_t k = 0; k < rows * kLanes; ++k) {
    const double margin = eta[k], size = margin < 0.0 ? -margin : margin;
    const double e = special::vector_exp(-size);
    const double share = 1.0 / (1.0 + e);
    eta[k] = margin < 0.0 ? share : e * share;
    work[k] = (margin < 0.0 ? size : 0.0) + special::vector_log1p(e);
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    const double c = weight[i] * sign[i];
    for (std::int64_t l = 0; l < kLanes; ++l) {
      eta[i * kLanes + l] *= c;
      value[l] -= weight[i] * work[i * kLanes + l];
    }
  }
}

TENURE_CLONES double least_margin(const double* __restrict linear, const double* __restrict sign,
                                  const double* __restrict weight, std::int64_t rows) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double lane[kLanes];
  std::fill(lane, lane + kLanes, kInfinity);
  std::int64_t i = 0;
  for (; i + kLanes <= rows; i += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const double margin = weight[i + l] > 0.0 ? sign[i + l] * linear[i + l] : kInfinity;
      lane[l] = margin < lane[l] ? margin : lane[l];
    }
  for (; i < rows; ++i)
    if (weight[i] > 0.0) lane[0] = std::min(lane[0], sign[i] * linear[i]);
  return *std::min_element(lane, lane + kLanes);
}

TENURE_CLONES void scale_by_root(double* __restrict z, const double* __restrict c,
                                 std::int64_t rows, std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const double root = std::sqrt(c[i]);
    for (std::int64_t j = 0; j < stride; ++j) z[i * stride + j] *= root;
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

TENURE_CLONES void add_moments(const double* __restrict x, const double* __restrict weight,
                               std::int64_t rows, std::int64_t columns,
                               const double* __restrict shift, const ColumnMoments& to) {
  double* const __restrict sum = to.sum;
  double* const __restrict square = to.square;
  double* const __restrict least = to.least;
  double* const __restrict most = to.most;
  // Four rows at a time, so that the sums are loaded and stored less often.
  std::int64_t i = 0;
  for (; !weight && i + 4 <= rows; i += 4, x += 4 * columns)
    for (std::int64_t j = 0; j < columns; ++j) {
      const double a = x[j], b = x[j + columns], c = x[j + 2 * columns], d = x[j + 3 * columns];
      const double m = shift[j];
      sum[j] += ((a - m) + (b - m)) + ((c - m) + (d - m));
      square[j] +=
          ((a - m) * (a - m) + (b - m) * (b - m)) + ((c - m) * (c - m) + (d - m) * (d - m));
      const double low = a < b ? a : b, also_low = c < d ? c : d;
      const double high = a < b ? b : a, also_high = c < d ? d : c;
      const double bottom = low < also_low ? low : also_low;
      const double top = high > also_high ? high : also_high;
      least[j] = bottom < least[j] ? bottom : least[j];
      most[j] = top > most[j] ? top : most[j];
    }
  for (; i < rows; ++i, x += columns) {
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
