// Compiled with -O3 and -ffp-contract=fast: these loops live on arithmetic, and their bits are
// promised for one machine only.
#include "cox_kernels.hpp"

#include "cox_vectors.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::churn::detail {
namespace {

/// A tile of 4 rows and two vectors of columns stays in registers while all rows pass by.
template <int Bytes>
[[gnu::always_inline]] inline void outer_tiles(const double* v, std::int64_t rows,
                                               std::int64_t stride, double* out) {
  using Vector = typename Lanes<Bytes>::Type;
  constexpr std::int64_t kWidth = Bytes / sizeof(double);
  constexpr std::int64_t kColumns = 8;  // stride is a multiple of it in every width
  constexpr std::int64_t kVectors = kColumns / kWidth;
  constexpr std::int64_t kRows = kVectors == 1 ? 8 : kVectors == 2 ? 4 : 2;
  for (std::int64_t r = 0; r < stride; r += kRows)
    for (std::int64_t c = 0; c < r + kRows; c += kColumns) {
      Vector sum[kRows][kVectors];
      for (std::int64_t a = 0; a < kRows; ++a)
        for (std::int64_t b = 0; b < kVectors; ++b) sum[a][b] = Vector{};
      const double* row = v;
      for (std::int64_t i = 0; i < rows; ++i, row += stride) {
        Vector right[kVectors];
#pragma GCC unroll 4
        for (std::int64_t b = 0; b < kVectors; ++b) load(row + c + b * kWidth, right[b]);
#pragma GCC unroll 8
        for (std::int64_t a = 0; a < kRows; ++a)
#pragma GCC unroll 4
          for (std::int64_t b = 0; b < kVectors; ++b) sum[a][b] += row[r + a] * right[b];
      }
#pragma GCC unroll 8
      for (std::int64_t a = 0; a < kRows; ++a)
#pragma GCC unroll 4
        for (std::int64_t b = 0; b < kVectors; ++b)
#pragma GCC unroll 8
          for (std::int64_t l = 0; l < kWidth; ++l)
            out[(r + a) * stride + c + b * kWidth + l] += sum[a][b][l];
    }
}

void outer_16(const double* v, std::int64_t rows, std::int64_t stride, double* out) {
  outer_tiles<16>(v, rows, stride, out);
}
#if defined(__x86_64__)
// Not target_clones: the width of a vector must be known when the template is instantiated.
[[gnu::target("arch=x86-64-v3")]] void outer_32(const double* v, std::int64_t rows,
                                                std::int64_t stride, double* out) {
  outer_tiles<32>(v, rows, stride, out);
}
[[gnu::target("arch=x86-64-v4")]] void outer_64(const double* v, std::int64_t rows,
                                                std::int64_t stride, double* out) {
  outer_tiles<64>(v, rows, stride, out);
}
#endif

using Outer = void (*)(const double*, std::int64_t, std::int64_t, double*);

Outer widest_outer() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return outer_64;
  if (__builtin_cpu_supports("x86-64-v3")) return outer_32;
#endif
  return outer_16;
}

}  // namespace

void add_outer(const double* v, std::int64_t rows, std::int64_t stride, double* out) {
  static const Outer outer = widest_outer();
  outer(v, rows, stride, out);
}

TENURE_CLONES void add_products(const double* x, std::int64_t rows, std::int64_t stride,
                                const double* b, double* out) {
  for (std::int64_t i = 0; i < rows; ++i, x += stride) {
    double lane[8] = {};
    for (std::int64_t j = 0; j < stride; j += 8)
      for (std::int64_t l = 0; l < 8; ++l) lane[l] += x[j + l] * b[j + l];
    out[i] +=
        ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
}

TENURE_CLONES void add_rows(const double* x, const double* c, std::int64_t rows,
                            std::int64_t stride, double* sum) {
  // Four rows at a time, so that the sums are loaded and stored less often.
  std::int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const double* const a = x + i * stride;
    for (std::int64_t j = 0; j < stride; ++j)
      sum[j] += (c[i] * a[j] + c[i + 1] * a[j + stride]) +
                (c[i + 2] * a[j + 2 * stride] + c[i + 3] * a[j + 3 * stride]);
  }
  for (; i < rows; ++i)
    for (std::int64_t j = 0; j < stride; ++j) sum[j] += c[i] * x[i * stride + j];
}

TENURE_CLONES void add_rows_precisely(const double* x, const double* c, std::int64_t rows,
                                      std::int64_t stride, double* high, double* low) {
  for (std::int64_t i = 0; i < rows; ++i, x += stride)
    for (std::int64_t j = 0; j < stride; ++j) {
      // [Knuth, TAOCP 2, sec. 4.2.2]; fused or not, what the sum loses goes to `low`.
      const double term = c[i] * x[j];
      const double sum = high[j] + term;
      const double shadow = sum - high[j];
      low[j] += (high[j] - (sum - shadow)) + (term - shadow);
      high[j] = sum;
    }
}

namespace {

template <bool Precise>
[[gnu::always_inline]] inline void join(const double* x, double c, std::int64_t stride,
                                        double* high, double* low) {
  for (std::int64_t j = 0; j < stride; ++j) {
    const double term = c * x[j];
    if constexpr (Precise) {
      const double sum = high[j] + term;
      const double shadow = sum - high[j];
      low[j] += (high[j] - (sum - shadow)) + (term - shadow);
      high[j] = sum;
    } else {
      high[j] += term;
    }
  }
}

template <bool Precise>
[[gnu::always_inline]] inline std::int64_t pass_slots(const SlotRun& run, std::int64_t first,
                                                      std::int64_t last, const double* root,
                                                      double* high, double* low, double* out) {
  const std::int64_t stride = run.stride;
  std::int64_t written = 0;
  for (std::int64_t g = first; g < last; ++g) {
    for (std::int64_t i = run.row_begin[g]; i < run.row_begin[g + 1]; ++i)
      join<Precise>(run.x + i * stride, run.risk[i], stride, high, low);
    for (std::int64_t k = run.leave_begin[g]; k < run.leave_begin[g + 1]; ++k) {
      const std::int64_t i = run.leaver[k];
      join<Precise>(run.x + i * stride, -run.risk[i], stride, high, low);
    }
    const double c = root[g - first];
    if (!(c > 0.0)) continue;
    double* const to = out + written++ * stride;
    for (std::int64_t j = 0; j < stride; ++j) to[j] = c * (Precise ? high[j] + low[j] : high[j]);
  }
  return written;
}

}  // namespace

TENURE_CLONES std::int64_t running_sums(const SlotRun& run, std::int64_t first, std::int64_t last,
                                        const double* root, double* high, double* low,
                                        double* out) {
  return low ? pass_slots<true>(run, first, last, root, high, low, out)
             : pass_slots<false>(run, first, last, root, high, low, out);
}

TENURE_CLONES void standardise(const double* __restrict x, const double* __restrict mean,
                               const double* __restrict unit, std::int64_t columns,
                               double* __restrict out) {
  for (std::int64_t j = 0; j < columns; ++j) out[j] = (x[j] - mean[j]) * unit[j];
}

TENURE_CLONES void scale_rows(const double* x, const double* c, std::int64_t rows,
                              std::int64_t stride, double* out) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < stride; ++j) out[i * stride + j] = c[i] * x[i * stride + j];
}

TENURE_CLONES void risks(const double* eta, const double* weight, std::int64_t rows, double shift,
                         double* out) {
  for (std::int64_t i = 0; i < rows; ++i) out[i] = weight[i] * special::vector_exp(eta[i] - shift);
}

TENURE_CLONES void survival_rows(const double* hazard, std::int64_t times, const double* risk,
                                 std::int64_t rows, double* out) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const double theta = risk[i];
    for (std::int64_t j = 0; j < times; ++j) {
      const double x = -hazard[j] * theta;
      const double s = special::vector_exp(x);
      out[i * times + j] = x < -708.0 ? 0.0 : s;
    }
  }
}

}  // namespace tenure::churn::detail
