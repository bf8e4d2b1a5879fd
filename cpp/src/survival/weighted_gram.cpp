#include "tenure/survival/weighted_gram.hpp"

#include <algorithm>
#include <cmath>

#include "tenure/support/clones.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::survival {
namespace {

/// Sums by column of one block, to be added in block order.
struct ColumnSums {
  std::vector<double> sum;
  ColumnSums& operator+=(const ColumnSums& other) {
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += other.sum[j];
    return *this;
  }
};

}  // namespace

Standard standard_of(const Design& x, std::span<const double> weight, bool centred,
                     const Execution& execution) {
  const auto p = static_cast<std::size_t>(x.columns);
  const auto row = [&](std::int64_t i) { return x.values.data() + i * x.columns; };
  const auto weight_of = [&](std::int64_t i) {
    return weight.empty() ? 1.0 : weight[static_cast<std::size_t>(i)];
  };
  const auto sums = [&](const auto& term) {
    return block_reduce(x.rows, execution, ColumnSums{std::vector<double>(p + 1)},
                        [&](std::int64_t first, std::int64_t last) {
                          ColumnSums partial{std::vector<double>(p + 1)};
                          for (std::int64_t i = first; i < last; ++i) {
                            const double w = weight_of(i);
                            for (std::size_t j = 0; j < p; ++j)
                              partial.sum[j] += w * term(j, row(i)[j]);
                            partial.sum[p] += w;
                          }
                          return partial;
                        });
  };
  const ColumnSums first = sums([](std::size_t, double v) { return v; });
  Standard out{std::vector<double>(p), std::vector<double>(p, 1.0)};
  std::vector<double> mean(p);
  for (std::size_t j = 0; j < p; ++j) mean[j] = first.sum[j] / first.sum[p];
  if (centred) out.centre = mean;
  const ColumnSums second = sums([&](std::size_t j, double v) {
    const double d = v - (centred ? mean[j] : 0.0);
    return d * d;
  });
  for (std::size_t j = 0; j < p; ++j) {
    const double spread = std::sqrt(second.sum[j] / second.sum[p]);
    if (spread > 1e-12 * std::abs(mean[j]) && spread > 0.0) out.scale[j] = spread;
  }
  return out;
}

TENURE_CLONES
void add_weighted_gram(const double* x, const double* h, std::int64_t rows, std::int64_t columns,
                       double* gram) {
  // Four rows at a time: a cell of the sum is read and written once for all of them.
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double* const a = x + r * columns;
    const double* const b = a + columns;
    const double* const c = b + columns;
    const double* const d = c + columns;
    for (std::int64_t j = 0; j < columns; ++j) {
      const double aj = h[r] * a[j], bj = h[r + 1] * b[j];
      const double cj = h[r + 2] * c[j], dj = h[r + 3] * d[j];
      double* const row = gram + j * columns;
      for (std::int64_t k = 0; k <= j; ++k)
        row[k] += (aj * a[k] + bj * b[k]) + (cj * c[k] + dj * d[k]);
    }
  }
  for (; r < rows; ++r) {
    const double* const a = x + r * columns;
    for (std::int64_t j = 0; j < columns; ++j) {
      const double aj = h[r] * a[j];
      for (std::int64_t k = 0; k <= j; ++k) gram[j * columns + k] += aj * a[k];
    }
  }
}

void standard_rows(const Design& x, const Standard& standard, bool leading_one, std::int64_t first,
                   std::int64_t last, double* out) {
  const auto p = static_cast<std::size_t>(x.columns);
  for (std::int64_t i = first; i < last; ++i) {
    const double* const row = x.values.data() + i * x.columns;
    if (leading_one) *out++ = 1.0;
    for (std::size_t j = 0; j < p; ++j) *out++ = (row[j] - standard.centre[j]) / standard.scale[j];
  }
}

}  // namespace tenure::survival
