#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

// The inner loops of k-means, written once for every vector width. They are templates on the number
// of bytes in a vector register and always inlined: kmeans_block.cpp instantiates them inside
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

/// Assigns rows to the centre with the least half_norm - x.c and, as asked, sums them by label.
template <class T>
struct AssignTask {
  Rows<T> rows;
  std::int64_t clusters;
  const T* packed;     ///< shifted centres, see pack_centres
  const T* half_norm;  ///< half their squared norm
  std::int32_t* label;
  // Sums by cluster, added to; null: not wanted.
  double* sum = nullptr;             ///< clusters x padded(features), of shifted rows
  double* weight = nullptr;          ///< clusters; only where rows have weights
  std::int64_t* positive = nullptr;  ///< clusters: rows with a weight above 0
  // The inertia about these centres (not shifted, clusters x padded(features)); null: not wanted.
  const T* centre = nullptr;
};
struct AssignOutcome {
  std::int64_t changed = 0;  ///< rows whose label is another than before
  double inertia = 0.0;
};

/// One round of k-means++: closest = min(closest, distance to the last seed), and for each
/// candidate the sum of weight x min(closest, distance to it), distances squared.
template <class T>
struct SeedTask {
  Rows<T> rows;
  bool update;              ///< the first of the packed points is the last seed, not a candidate
  std::int64_t candidates;  ///< without the last seed
  const T* packed;          ///< shifted, see pack_centres
  T* closest;               ///< by row, room for count rounded up to 64
  double weight_scale;      ///< brings weights to at most 1, so that they stay in the range of T
};

/// Feature-major copy of P rows, so that a register holds one feature of several rows.
template <class T, int Bytes>
class Tile {
 public:
  static constexpr int P = 2 * Bytes / static_cast<int>(sizeof(T));
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

  [[gnu::always_inline]] const T* data() const { return cells_.data()->lane; }
  [[gnu::always_inline]] const T* row(std::int64_t p) const { return source_ + p * rows_.features; }

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
/// tile. Eight accumulators of one register each keep two multiply-add units busy.
template <class T, int Bytes, int C, bool Squared>
[[gnu::always_inline]] inline void score(const T* tile, const T* packed, const T* half_norm,
                                         std::int64_t features,
                                         typename Register<T, Bytes>::Value (&out)[C][2]) {
  using Value = typename Register<T, Bytes>::Value;
  constexpr int P = Tile<T, Bytes>::P;
  Value sum[C][2];
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c) sum[c][0] = sum[c][1] = Value{} + (Squared ? T{0} : half_norm[c]);
#pragma GCC unroll 2
  for (std::int64_t j = 0; j < features; ++j) {
    const Value x0 = *reinterpret_cast<const Value*>(tile + j * P);
    const Value x1 = *reinterpret_cast<const Value*>(tile + j * P + P / 2);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      const T centre = packed[j * C + c];
      if constexpr (Squared) {
        const Value d0 = x0 - centre;
        const Value d1 = x1 - centre;
        sum[c][0] += d0 * d0;
        sum[c][1] += d1 * d1;
      } else {
        sum[c][0] -= x0 * centre;
        sum[c][1] -= x1 * centre;
      }
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c) {
    out[c][0] = sum[c][0];
    out[c][1] = sum[c][1];
  }
}

/// The running least score of each row and the centre it belongs to; the first one wins a tie.
template <class T, int Bytes>
struct Nearest {
  using Value = typename Register<T, Bytes>::Value;
  using Index = typename Register<T, Bytes>::Index;
  Value best[2];
  Index index[2];

  template <int C>
  [[gnu::always_inline]] void consider(const AssignTask<T>& task, const T* tile,
                                       std::int64_t first) {
    Value found[C][2];
    score<T, Bytes, C, false>(tile, task.packed + first * task.rows.features,
                              task.half_norm + first, task.rows.features, found);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const auto closer = found[c][v] < best[v];
        best[v] = closer ? found[c][v] : best[v];
        index[v] =
            closer ? Index{} + static_cast<typename Register<T, Bytes>::Int>(first + c) : index[v];
      }
  }
};

/// Adds weight x (row - shift) to the sums of a cluster; features behind the last add up to garbage
/// that nobody reads.
template <class T, int N, bool Weighted>
[[gnu::always_inline]] inline void add_row(const T* row, const T* shift, std::int64_t features,
                                           double weight, double* sum) {
  using Loose = typename Lanes<T, N>::Unaligned;
  using Double = typename Lanes<double, N>::Value;
  using LooseDouble = typename Lanes<double, N>::Unaligned;
  for (std::int64_t j = 0; j < features; j += N) {
    const typename Lanes<T, N>::Value x =
        *reinterpret_cast<const Loose*>(row + j) - *reinterpret_cast<const Loose*>(shift + j);
    const Double wide = __builtin_convertvector(x, Double);
    if constexpr (Weighted)
      *reinterpret_cast<LooseDouble*>(sum + j) += wide * weight;
    else
      *reinterpret_cast<LooseDouble*>(sum + j) += wide;
  }
}

template <class T>
[[gnu::always_inline]] inline double squared_distance(const T* row, const T* centre,
                                                      std::int64_t features) {
  double sum = 0.0;
  for (std::int64_t j = 0; j < features; ++j) {
    const double d = static_cast<double>(row[j]) - static_cast<double>(centre[j]);
    sum += d * d;
  }
  return sum;
}

template <class T, int Bytes>
[[gnu::always_inline]] inline AssignOutcome assign_rows(const AssignTask<T>& task,
                                                        std::int64_t first, std::int64_t last) {
  using Index = typename Register<T, Bytes>::Index;
  constexpr int P = Tile<T, Bytes>::P;
  constexpr int N = Bytes < 32 ? 2 : 4;
  const std::int64_t d = task.rows.features;
  const std::int64_t stride = padded(d);
  const double* const weight = task.rows.weight;
  Tile<T, Bytes> tile(task.rows);
  AssignOutcome outcome;

  for (std::int64_t row = first; row < last; row += P) {
    const std::int64_t n = std::min<std::int64_t>(P, last - row);
    tile.load(row, n);
    Nearest<T, Bytes> nearest;
    nearest.best[0] = nearest.best[1] =
        typename Register<T, Bytes>::Value{} + std::numeric_limits<T>::infinity();
    nearest.index[0] = nearest.index[1] = Index{};
    std::int64_t c = 0;
    for (; c + 4 <= task.clusters; c += 4) nearest.template consider<4>(task, tile.data(), c);
    switch (task.clusters - c) {
      case 3:
        nearest.template consider<3>(task, tile.data(), c);
        break;
      case 2:
        nearest.template consider<2>(task, tile.data(), c);
        break;
      case 1:
        nearest.template consider<1>(task, tile.data(), c);
        break;
      default:
        break;
    }
    alignas(64) typename Register<T, Bytes>::Int label[P];
    *reinterpret_cast<Index*>(label) = nearest.index[0];
    *reinterpret_cast<Index*>(label + P / 2) = nearest.index[1];

    std::int32_t* const kept = task.label + row;
    for (std::int64_t p = 0; p < n; ++p) {
      const auto now = static_cast<std::int32_t>(label[p]);
      outcome.changed += kept[p] != now;
      kept[p] = now;
    }
    if (task.sum && weight) {
      for (std::int64_t p = 0; p < n; ++p) {
        const std::int64_t l = label[p];
        const double w = weight[row + p];
        task.weight[l] += w;
        task.positive[l] += w > 0.0;
        add_row<T, N, true>(tile.row(p), task.rows.shift, d, w, task.sum + l * stride);
      }
    } else if (task.sum) {
      for (std::int64_t p = 0; p < n; ++p) {
        const std::int64_t l = label[p];
        ++task.positive[l];
        add_row<T, N, false>(tile.row(p), task.rows.shift, d, 1.0, task.sum + l * stride);
      }
    }
    if (task.centre)
      for (std::int64_t p = 0; p < n; ++p)
        outcome.inertia += (weight ? weight[row + p] : 1.0) *
                           squared_distance(tile.row(p), task.centre + label[p] * stride, d);
  }
  return outcome;
}

/// Adds to `potential` (one a candidate). Sums are taken in T over 16 tiles, then in double.
template <class T, int Bytes>
[[gnu::always_inline]] inline void seed_rows(const SeedTask<T>& task, std::int64_t first,
                                             std::int64_t last, double* potential) {
  using Value = typename Register<T, Bytes>::Value;
  constexpr int P = Tile<T, Bytes>::P;
  const std::int64_t d = task.rows.features;
  const double* const weight = task.rows.weight;
  Tile<T, Bytes> tile(task.rows);
  alignas(64) T w[P];
  struct Partial {
    Value lanes;
  };
  std::vector<Partial> partial(static_cast<std::size_t>(task.candidates), Partial{});

  const auto flush = [&]() __attribute__((always_inline)) {
    for (std::int64_t c = 0; c < task.candidates; ++c) {
      Value& lanes = partial[static_cast<std::size_t>(c)].lanes;
      for (int i = 0; i < P / 2; ++i) potential[c] += static_cast<double>(lanes[i]);
      lanes = Value{};
    }
  };
  int tiles = 0;
  for (std::int64_t row = first; row < last; row += P) {
    const std::int64_t n = std::min<std::int64_t>(P, last - row);
    tile.load(row, n);
    for (int p = 0; p < P; ++p)
      w[p] = p < n ? (weight ? static_cast<T>(weight[row + p] * task.weight_scale) : T{1}) : T{0};
    const Value w0 = *reinterpret_cast<const Value*>(w);
    const Value w1 = *reinterpret_cast<const Value*>(w + P / 2);

    T* const kept = task.closest + row;
    typedef T Loose __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
    Value near0 = *reinterpret_cast<const Loose*>(kept);
    Value near1 = *reinterpret_cast<const Loose*>(kept + P / 2);
    const auto consider = [&]<int C>(std::integral_constant<int, C>,
                                     std::int64_t first_point) __attribute__((always_inline)) {
      Value to[C][2];
      score<T, Bytes, C, true>(tile.data(), task.packed + first_point * d, nullptr, d, to);
      for (int m = 0; m < C; ++m) {
        const Value d0 = to[m][0] < near0 ? to[m][0] : near0;
        const Value d1 = to[m][1] < near1 ? to[m][1] : near1;
        const std::int64_t candidate = first_point + m - task.update;
        if (candidate >= 0) {
          partial[static_cast<std::size_t>(candidate)].lanes += d0 * w0 + d1 * w1;
        } else {
          *reinterpret_cast<Loose*>(kept) = near0 = d0;
          *reinterpret_cast<Loose*>(kept + P / 2) = near1 = d1;
        }
      }
    };
    const std::int64_t points = task.candidates + task.update;
    std::int64_t c = 0;
    for (; c + 4 <= points; c += 4) consider(std::integral_constant<int, 4>{}, c);
    switch (points - c) {
      case 3:
        consider(std::integral_constant<int, 3>{}, c);
        break;
      case 2:
        consider(std::integral_constant<int, 2>{}, c);
        break;
      case 1:
        consider(std::integral_constant<int, 1>{}, c);
        break;
      default:
        break;
    }
    if (++tiles % 16 == 0) flush();
  }
  flush();
}

}  // namespace tenure::segment::detail
