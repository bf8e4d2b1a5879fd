// Compiled with -O3 and -ffp-contract=fast: these loops live on arithmetic, and their bits are
// promised for one machine only.
#include "cox_lanes.hpp"

#include <algorithm>

#include "cox_vectors.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::churn::detail {
namespace {

/// Below this a sum of risks is as good as nothing, and no logarithm is taken.
constexpr double kLeast = 1e-307;

template <int Bytes>
[[gnu::always_inline]] inline void products(const double* x, std::int64_t rows, std::int64_t stride,
                                            const double* b, double* out) {
  using Vector = typename Lanes<Bytes>::Type;
  constexpr std::int64_t kWidth = Bytes / sizeof(double), kVectors = kLanes / kWidth;
  // Rows at a time: enough to hide the latency of a sum, few enough to stay in registers.
  constexpr std::int64_t kRows = kVectors == 1 ? 8 : kVectors == 2 ? 4 : 2;
  for (std::int64_t i = 0; i < rows; i += kRows) {
    const double* row[kRows];
    Vector sum[kRows][kVectors];
    for (std::int64_t r = 0; r < kRows; ++r) {
      // Beyond the last row, it is computed again.
      const std::int64_t at = i + r < rows ? i + r : rows - 1;
      row[r] = x + at * stride;
      for (std::int64_t v = 0; v < kVectors; ++v) load(out + at * kLanes + v * kWidth, sum[r][v]);
    }
    for (std::int64_t j = 0; j < stride; ++j)
#pragma GCC unroll 4
      for (std::int64_t v = 0; v < kVectors; ++v) {
        Vector c;
        load(b + j * kLanes + v * kWidth, c);
#pragma GCC unroll 8
        for (std::int64_t r = 0; r < kRows; ++r) sum[r][v] += row[r][j] * c;
      }
    for (std::int64_t r = 0; r < kRows && i + r < rows; ++r)
      for (std::int64_t v = 0; v < kVectors; ++v)
        store(sum[r][v], out + (i + r) * kLanes + v * kWidth);
  }
}

template <int Bytes>
[[gnu::always_inline]] inline void sums_of_rows(const double* x, const double* c, std::int64_t rows,
                                                std::int64_t stride, double* sum) {
  using Vector = typename Lanes<Bytes>::Type;
  constexpr std::int64_t kWidth = Bytes / sizeof(double), kVectors = kLanes / kWidth;
  // The sums of some columns stay in registers while the rows pass by.
  constexpr std::int64_t kColumns = kVectors == 4 ? 2 : 4;
  for (std::int64_t j = 0; j < stride; j += kColumns) {
    Vector s[kColumns][kVectors];
    for (std::int64_t q = 0; q < kColumns; ++q)
      for (std::int64_t v = 0; v < kVectors; ++v)
        load(sum + (j + q) * kLanes + v * kWidth, s[q][v]);
    for (std::int64_t i = 0; i < rows; ++i) {
      const double* const a = x + i * stride + j;
#pragma GCC unroll 4
      for (std::int64_t v = 0; v < kVectors; ++v) {
        Vector m;
        load(c + i * kLanes + v * kWidth, m);
#pragma GCC unroll 8
        for (std::int64_t q = 0; q < kColumns; ++q) s[q][v] += a[q] * m;
      }
    }
    for (std::int64_t q = 0; q < kColumns; ++q)
      for (std::int64_t v = 0; v < kVectors; ++v)
        store(s[q][v], sum + (j + q) * kLanes + v * kWidth);
  }
}

void products_16(const double* x, std::int64_t rows, std::int64_t stride, const double* b,
                 double* out) {
  products<16>(x, rows, stride, b, out);
}
void rows_16(const double* x, const double* c, std::int64_t rows, std::int64_t stride,
             double* sum) {
  sums_of_rows<16>(x, c, rows, stride, sum);
}
#if defined(__x86_64__)
[[gnu::target("arch=x86-64-v3")]] void products_32(const double* x, std::int64_t rows,
                                                   std::int64_t stride, const double* b,
                                                   double* out) {
  products<32>(x, rows, stride, b, out);
}
[[gnu::target("arch=x86-64-v3")]] void rows_32(const double* x, const double* c, std::int64_t rows,
                                               std::int64_t stride, double* sum) {
  sums_of_rows<32>(x, c, rows, stride, sum);
}
[[gnu::target("arch=x86-64-v4")]] void products_64(const double* x, std::int64_t rows,
                                                   std::int64_t stride, const double* b,
                                                   double* out) {
  products<64>(x, rows, stride, b, out);
}
[[gnu::target("arch=x86-64-v4")]] void rows_64(const double* x, const double* c, std::int64_t rows,
                                               std::int64_t stride, double* sum) {
  sums_of_rows<64>(x, c, rows, stride, sum);
}
#endif

using Products = void (*)(const double*, std::int64_t, std::int64_t, const double*, double*);
using Rows = void (*)(const double*, const double*, std::int64_t, std::int64_t, double*);

Products widest_products() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return products_64;
  if (__builtin_cpu_supports("x86-64-v3")) return products_32;
#endif
  return products_16;
}

Rows widest_rows() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return rows_64;
  if (__builtin_cpu_supports("x86-64-v3")) return rows_32;
#endif
  return rows_16;
}

}  // namespace

void lane_products(const double* x, std::int64_t rows, std::int64_t stride, const double* b,
                   double* out) {
  static const Products kernel = widest_products();
  kernel(x, rows, stride, b, out);
}

void lane_rows(const double* x, const double* c, std::int64_t rows, std::int64_t stride,
               double* sum) {
  static const Rows kernel = widest_rows();
  kernel(x, c, rows, stride, sum);
}

TENURE_CLONES void lane_largest(const double* eta, std::int64_t rows, double* largest) {
  double most[kLanes];
  std::copy(largest, largest + kLanes, most);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t l = 0; l < kLanes; ++l)
      most[l] = eta[i * kLanes + l] > most[l] ? eta[i * kLanes + l] : most[l];
  std::copy(most, most + kLanes, largest);
}

TENURE_CLONES void lane_risks(double* eta, const double* weight, const std::uint8_t* churned,
                              std::int64_t rows, const double* shift, double* value) {
  double total[kLanes];
  std::copy(value, value + kLanes, total);
  for (std::int64_t i = 0; i < rows; ++i) {
    const double w = churned[i] ? weight[i] : 0.0;
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const double e = eta[i * kLanes + l] - shift[l];
      eta[i * kLanes + l] = e;
      total[l] += w * e;
    }
  }
  std::copy(total, total + kLanes, value);
  for (std::int64_t k = 0; k < rows * kLanes; ++k) eta[k] = special::vector_exp(eta[k]);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t l = 0; l < kLanes; ++l) eta[i * kLanes + l] *= weight[i];
}

TENURE_CLONES void lane_sum(const double* risk, std::int64_t rows, double* sum) {
  double s[kLanes];
  std::copy(sum, sum + kLanes, s);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t l = 0; l < kLanes; ++l) s[l] += risk[i * kLanes + l];
  std::copy(s, s + kLanes, sum);
}

TENURE_CLONES void lane_sum_precisely(const double* risk, double sign, double* high, double* low) {
  for (std::int64_t l = 0; l < kLanes; ++l) {
    // [Knuth, TAOCP 2, sec. 4.2.2]
    const double term = sign * risk[l], sum = high[l] + term, shadow = sum - high[l];
    low[l] += (high[l] - (sum - shadow)) + (term - shadow);
    high[l] = sum;
  }
}

TENURE_CLONES void lane_slots(const LaneSlots& of, std::int64_t first, std::int64_t last,
                              double* value) {
  // Terms of many slots are gathered, so that logarithms and quotients fill the vectors.
  constexpr std::int64_t kTerms = 32;
  double left[kTerms * kLanes], logs[kTerms * kLanes];
  double hazard[kLanes] = {}, less[kLanes] = {}, logs_of_slot[kLanes] = {};
  std::int64_t g = first, k = 0;      // the next term to gather
  std::int64_t slot = first, at = 0;  // and to add
  const auto terms = [&](std::int64_t s) __attribute__((always_inline)) {
    return of.deaths[s] == 0 ? 0 : of.own ? of.deaths[s] : 1;
  };
  while (g < last) {
    std::int64_t gathered = 0;
    while (g < last && gathered < kTerms) {
      const std::int64_t count = terms(g);
      if (k < count) {
        const double f = static_cast<double>(k) / static_cast<double>(count);
        double* const to = left + gathered++ * kLanes;
        for (std::int64_t l = 0; l < kLanes; ++l) {
          const double d = of.sum[g * kLanes + l] - (of.own ? f * of.own[g * kLanes + l] : 0.0);
          to[l] = d > kLeast ? d : kLeast;
        }
        ++k;
      }
      if (k >= count) {
        ++g;
        k = 0;
      }
    }
    for (std::int64_t i = 0; i < gathered * kLanes; ++i) {
      logs[i] = special::vector_log(left[i]);
      left[i] = 1.0 / left[i];
    }
    for (std::int64_t i = 0; i < gathered; ++i) {
      while (terms(slot) == 0) ++slot;
      const std::int64_t count = terms(slot);
      const double each = of.weight[slot] / static_cast<double>(count);
      const double f = static_cast<double>(at) / static_cast<double>(count);
      for (std::int64_t l = 0; l < kLanes; ++l) {
        logs_of_slot[l] += logs[i * kLanes + l];
        const double rate = each * left[i * kLanes + l];
        hazard[l] += rate;
        less[l] += f * rate;
      }
      if (++at < count) continue;
      for (std::int64_t l = 0; l < kLanes; ++l) {
        value[l] -= each * logs_of_slot[l];
        of.sum[slot * kLanes + l] = hazard[l];
        if (of.own) of.own[slot * kLanes + l] = less[l];
        hazard[l] = less[l] = logs_of_slot[l] = 0.0;
      }
      ++slot;
      at = 0;
    }
  }
}

TENURE_CLONES void lane_cumulate(double* total, double* hazard) {
  for (std::int64_t l = 0; l < kLanes; ++l) hazard[l] = total[l] += hazard[l];
}

TENURE_CLONES void lane_residuals(const LaneResiduals& of, std::int64_t begin, std::int64_t end,
                                  double* out) {
  for (std::int64_t i = begin; i < end; ++i, out += kLanes) {
    const double w = of.churned[i] ? of.weight[i] : 0.0;
    const double* const from = of.cumulative + of.first[i] * kLanes;
    const double* const to = of.cumulative + of.last[i] * kLanes;
    const double* const risk = of.risk + i * kLanes;
    double met[kLanes];
    for (std::int64_t l = 0; l < kLanes; ++l) met[l] = from[l] - to[l];
    if (of.own && of.churned[i])
      for (std::int64_t l = 0; l < kLanes; ++l) met[l] -= of.own[of.first[i] * kLanes + l];
    for (std::int64_t l = 0; l < kLanes; ++l) out[l] = w - risk[l] * met[l];
  }
}

}  // namespace tenure::churn::detail
