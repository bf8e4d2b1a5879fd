#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

// The inner loops of k-means, written once for every vector width. They are templates on the number
// of bytes in a vector register and always inlined: kmeans_kernels.cpp instantiates them inside
// functions compiled for the matching instruction set.
namespace tenure::segment::detail {

/// Vectors of T as wide as a register, and a mask or index vector of the same shape.
template <class T, int Bytes>
struct Register {
  using Int = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  // Aligned by hand: outside AVX functions the compiler would settle for 16 bytes.
  typedef T Value __attribute__((vector_size(Bytes), aligned(Bytes), may_alias));
  typedef Int Index __attribute__((vector_size(Bytes), aligned(Bytes), may_alias));
};

/// N neighbouring features of one row, at any address.
template <class T, int N>
struct Lanes {
  typedef T Value __attribute__((vector_size(N * sizeof(T))));
  typedef T Unaligned __attribute__((vector_size(N * sizeof(T)), aligned(alignof(T)), may_alias));
};

constexpr std::int64_t padded(std::int64_t features) { return (features + 3) / 4 * 4; }

/// Vectors of centres as the kernels read them: in groups of four (the last of one to four), within
/// a group feature after feature.
template <class T>
std::vector<T> pack_centres(const std::vector<T>& centre, std::int64_t clusters,
                            std::int64_t features) {
  std::vector<T> packed;
  packed.reserve(centre.size());
  for (std::int64_t c = 0; c < clusters; c += 4)
    for (std::int64_t j = 0; j < features; ++j)
      for (std::int64_t m = c; m < std::min(c + 4, clusters); ++m)
        packed.push_back(centre[static_cast<std::size_t>(m * features + j)]);
  return packed;
}

/// The rows that a kernel works on; `shift` (padded) is subtracted from each as it is read.
template <class T>
struct Rows {
  const T* values;
  std::int64_t count;
  std::int64_t features;
  const T* shift;
  const double* weight;  ///< null: all 1
};

constexpr int kVectors = 3;             ///< registers of rows in a tile
constexpr std::int64_t kTileRows = 48;  ///< a multiple of the rows of every tile

/// Feature-major copy of P rows, so that a register holds one feature of several rows.
template <class T, int Bytes, int Vectors = kVectors>
class Tile {
 public:
  static constexpr int P = Vectors * Bytes / static_cast<int>(sizeof(T));
  using Value = typename Register<T, Bytes>::Value;

  explicit Tile(const Rows<T>& rows)
      : rows_(rows),
        stride_(padded(rows.features)),
        cells_(static_cast<std::size_t>((stride_ * P * sizeof(T) + 63) / 64)),
        edge_(static_cast<std::size_t>(P * rows.features + 4)) {}

  /// Loads rows [row, row + n), n <= P; the lanes behind them hold zeros less the shift.
  [[gnu::always_inline]] void load(std::int64_t row, std::int64_t n) {
    const std::int64_t d = rows_.features;
    source_ = rows_.values + row * d;
    // Four features are read at a time, up to three of them behind the last row.
    if ((row + P) * d + 3 > rows_.count * d) {
      std::fill(std::copy_n(source_, n * d, edge_.data()), edge_.data() + edge_.size(), T{0});
      source_ = edge_.data();
    }
    // A square of N x N at a time: as wide as a register, four at most.
    transpose<(Bytes / sizeof(T) < 4 ? 2 : 4)>();
  }

  /// Loads the rows base + list[0], ..., base + list[n - 1]; the lanes behind them repeat the last.
  [[gnu::always_inline]] void gather(std::int64_t base, const std::int32_t* list, std::int64_t n) {
    const std::int64_t d = rows_.features;
    for (std::int64_t p = 0; p < P; ++p) {
      const T* const from = rows_.values + (base + list[std::min(p, n - 1)]) * d;
      T* const to = edge_.data() + p * d;
      for (std::int64_t j = 0; j < d; ++j) to[j] = from[j];
    }
    source_ = edge_.data();
    transpose<(Bytes / sizeof(T) < 4 ? 2 : 4)>();
  }

  [[gnu::always_inline]] const T* data() const { return cells_.data()->lane; }

 private:
  struct alignas(64) Cell {
    T lane[64 / sizeof(T)];
  };

  template <int N>
  [[gnu::always_inline]] void transpose() {
    using Wide = typename Lanes<T, N>::Value;
    using Loose = typename Lanes<T, N>::Unaligned;
    const std::int64_t d = rows_.features;
    T* const tile = cells_.data()->lane;
    for (std::int64_t j = 0; j < d; j += N) {
      const Wide shift = *reinterpret_cast<const Loose*>(rows_.shift + j);
      for (int p = 0; p < P; p += N) {
        const T* const from = source_ + p * d + j;
        T* const to = tile + j * P + p;
        Wide in[N];
        for (int i = 0; i < N; ++i) in[i] = *reinterpret_cast<const Loose*>(from + i * d) - shift;
        const auto out = [&](int i, const Wide& v) __attribute__((always_inline)) {
          *reinterpret_cast<Loose*>(to + i * P) = v;
        };
        if constexpr (N == 4) {
          const Wide ab01 = __builtin_shufflevector(in[0], in[1], 0, 4, 1, 5);
          const Wide ab23 = __builtin_shufflevector(in[0], in[1], 2, 6, 3, 7);
          const Wide ce01 = __builtin_shufflevector(in[2], in[3], 0, 4, 1, 5);
          const Wide ce23 = __builtin_shufflevector(in[2], in[3], 2, 6, 3, 7);
          out(0, __builtin_shufflevector(ab01, ce01, 0, 1, 4, 5));
          out(1, __builtin_shufflevector(ab01, ce01, 2, 3, 6, 7));
          out(2, __builtin_shufflevector(ab23, ce23, 0, 1, 4, 5));
          out(3, __builtin_shufflevector(ab23, ce23, 2, 3, 6, 7));
        } else {
          out(0, __builtin_shufflevector(in[0], in[1], 0, 2));
          out(1, __builtin_shufflevector(in[0], in[1], 1, 3));
        }
      }
    }
  }

  Rows<T> rows_;
  std::int64_t stride_;
  std::vector<Cell> cells_;
  std::vector<T> edge_;
  const T* source_ = nullptr;
};

/// For C centres at once: half_norm - x.c, or (Squared) the squared distance, of all rows of a
/// tile; centre(j, c) is feature j of the c-th. Twelve accumulators of one register each keep two
/// multiply-add units busy. Whoever calls it, a row and a centre give the same bits.
template <class T, int Bytes, int C, bool Squared, class Centre>
[[gnu::always_inline]] inline void score(const T* tile, const Centre& centre, const T* half_norm,
                                         std::int64_t features,
                                         typename Register<T, Bytes>::Value (&out)[C][kVectors]) {
  using Value = typename Register<T, Bytes>::Value;
  constexpr int P = Tile<T, Bytes>::P;
  constexpr int W = P / kVectors;
  Value sum[C][kVectors];
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c)
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) sum[c][v] = Value{} + (Squared ? T{0} : half_norm[c]);
  for (std::int64_t j = 0; j < features; ++j) {
    Value x[kVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) x[v] = *reinterpret_cast<const Value*>(tile + j * P + v * W);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      const T of = centre(j, c);
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) {
        if constexpr (Squared) {
          const Value gap = x[v] - of;
          sum[c][v] += gap * gap;
        } else {
          sum[c][v] -= x[v] * of;
        }
      }
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c)
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) out[c][v] = sum[c][v];
}

/// Calls body(std::integral_constant<int, C>, first) for centres in the groups of pack_centres.
template <class Body>
[[gnu::always_inline]] inline void in_groups(std::int64_t clusters, const Body& body) {
  std::int64_t c = 0;
  for (; c + 4 <= clusters; c += 4) body(std::integral_constant<int, 4>{}, c);
  switch (clusters - c) {
    case 3:
      return body(std::integral_constant<int, 3>{}, c);
    case 2:
      return body(std::integral_constant<int, 2>{}, c);
    case 1:
      return body(std::integral_constant<int, 1>{}, c);
    default:
      return;
  }
}

}  // namespace tenure::segment::detail
