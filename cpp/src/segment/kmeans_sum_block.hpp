#pragma once
#include "kmeans_assign_block.hpp"

// Sums of rows by their labels, inlined like kmeans_block.hpp.
namespace tenure::segment::detail {

/// Sums by cluster, added to.
struct Sums {
  double* sum;             ///< clusters x padded(features), of shifted rows
  double* weight;          ///< clusters; null where rows have no weights
  std::int64_t* positive;  ///< clusters: rows with a weight above 0
};

/// Adds, or with Sign -1 subtracts, weight x (row - shift). Whole groups of N features, then the
/// rest one by one: nothing behind a row is read.
template <class T, int N, int Sign>
[[gnu::always_inline]] inline void add_row(const T* row, const T* shift, std::int64_t features,
                                           double weight, double* sum) {
  using Loose = typename Lanes<T, N>::Unaligned;
  using Double = typename Lanes<double, N>::Value;
  using LooseDouble = typename Lanes<double, N>::Unaligned;
  std::int64_t j = 0;
  for (; j + N <= features; j += N) {
    const typename Lanes<T, N>::Value x =
        *reinterpret_cast<const Loose*>(row + j) - *reinterpret_cast<const Loose*>(shift + j);
    const Double wide = __builtin_convertvector(x, Double) * weight;
    *reinterpret_cast<LooseDouble*>(sum + j) += Sign > 0 ? wide : -wide;
  }
  for (; j < features; ++j) {
    const double x = static_cast<double>(row[j] - shift[j]) * weight;
    sum[j] += Sign > 0 ? x : -x;
  }
}

template <class T, int Bytes>
[[gnu::always_inline]] inline void sum_rows(const Rows<T>& rows, const std::int32_t* label,
                                            std::int64_t first, std::int64_t last, const Sums& to) {
  constexpr int N = Bytes < 32 ? 2 : 4;
  const std::int64_t d = rows.features;
  for (std::int64_t i = first; i < last; ++i) {
    const std::int64_t l = label[i];
    const double weight = rows.weight ? rows.weight[i] : 1.0;
    add_row<T, N, 1>(rows.values + i * d, rows.shift, d, weight, to.sum + l * padded(d));
    to.positive[l] += weight > 0.0;
    if (to.weight) to.weight[l] += weight;
  }
}

/// Rows base + change.row leave one cluster for another.
template <class T, int Bytes>
[[gnu::always_inline]] inline void move_rows(const Rows<T>& rows, std::int64_t base,
                                             const Change* change, std::int64_t count,
                                             const Sums& to) {
  constexpr int N = Bytes < 32 ? 2 : 4;
  const std::int64_t d = rows.features;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = base + change[i].row;
    const std::int64_t before = change[i].from;
    const std::int64_t now = change[i].to;
    const double weight = rows.weight ? rows.weight[row] : 1.0;
    add_row<T, N, -1>(rows.values + row * d, rows.shift, d, weight, to.sum + before * padded(d));
    add_row<T, N, 1>(rows.values + row * d, rows.shift, d, weight, to.sum + now * padded(d));
    to.positive[before] -= weight > 0.0;
    to.positive[now] += weight > 0.0;
    if (to.weight) {
      to.weight[before] -= weight;
      to.weight[now] += weight;
    }
  }
}

/// Sum of weight x squared distance to the centre of the label; centres are neither shifted nor
/// padded. N features at a time, so that rows do not wait for one long chain of additions.
template <class T, int Bytes>
[[gnu::always_inline]] inline double inertia_of(const Rows<T>& rows, const std::int32_t* label,
                                                const T* centre, std::int64_t first,
                                                std::int64_t last) {
  constexpr int N = Bytes < 32 ? 2 : 4;
  using Loose = typename Lanes<T, N>::Unaligned;
  using Double = typename Lanes<double, N>::Value;
  const std::int64_t d = rows.features;
  double inertia = 0.0;
  for (std::int64_t i = first; i < last; ++i) {
    const T* const row = rows.values + i * d;
    const T* const of = centre + label[i] * d;
    Double lanes{};
    std::int64_t j = 0;
    for (; j + N <= d; j += N) {
      const Double gap = __builtin_convertvector(*reinterpret_cast<const Loose*>(row + j), Double) -
                         __builtin_convertvector(*reinterpret_cast<const Loose*>(of + j), Double);
      lanes += gap * gap;
    }
    double sum = 0.0;
    for (int l = 0; l < N; ++l) sum += lanes[l];
    for (; j < d; ++j) {
      const double gap = static_cast<double>(row[j]) - static_cast<double>(of[j]);
      sum += gap * gap;
    }
    inertia += rows.weight ? rows.weight[i] * sum : sum;
  }
  return inertia;
}

/// Takes from each gap what the centres may have come nearer, and lists the rows (from `first`)
/// whose gap no longer exceeds `margin`; returns how many.
template <class T>
[[gnu::always_inline]] inline std::int64_t stale(const std::int32_t* label, const T* loss, T margin,
                                                 std::int64_t first, std::int64_t last, T* gap,
                                                 std::int32_t* list) {
  std::int64_t count = 0;
  for (std::int64_t i = first; i < last; ++i) {
    const T left = gap[i] - loss[label[i]];
    gap[i] = left;
    list[count] = static_cast<std::int32_t>(i - first);
    count += !(left > margin);
  }
  return count;
}

}  // namespace tenure::segment::detail
