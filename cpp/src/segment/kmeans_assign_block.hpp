#pragma once
#include <cmath>
#include <limits>

#include "kmeans_block.hpp"

// The nearest centre of each row, inlined like kmeans_block.hpp.
namespace tenure::segment::detail {

/// Neighbours of each centre, for rows known to lie near it.
template <class T>
struct Neighbours {
  const T* distance;          ///< clusters x clusters, each row ascending, rounded downwards
  const std::int32_t* index;  ///< which centre that is
  T margin;                   ///< what a centre must be farther than another to be told from it
};

/// Assigns rows to the centre with the least half_norm - x.c, of equal ones to the first.
template <class T>
struct AssignTask {
  Rows<T> rows;
  std::int64_t clusters;
  const T* packed;     ///< shifted centres, see pack_centres
  const T* plain;      ///< the same, one after the other, and a row of zeros behind the last
  const T* half_norm;  ///< half their squared norm, and infinity behind the last
  std::int32_t* label;
  /// By row: a lower bound of how much nearer its own centre is than any other; null: not wanted.
  T* gap = nullptr;
  // Of a row with squared norm s, 2 score + s is the squared distance up to error x (s + square).
  T error = T{0};
  T square = T{0};
};

/// A row, counted from some base, whose label is another than before.
struct Change {
  std::int32_t row, from, to;
};

struct AssignOutcome {
  std::int64_t changed = 0;  ///< written to `change`
  double largest = 0.0;      ///< squared norm among the rows, where gaps were asked for
};

/// The running least score of each row and the centre it belongs to.
template <class T, int Bytes, bool Gap>
struct Nearest {
  using Value = typename Register<T, Bytes>::Value;
  using Index = typename Register<T, Bytes>::Index;
  using Int = typename Register<T, Bytes>::Int;
  Value best[kVectors];
  Value second[kVectors];
  Index index[kVectors];

  [[gnu::always_inline]] Nearest() {
    for (int v = 0; v < kVectors; ++v) {
      best[v] = second[v] = Value{} + std::numeric_limits<T>::infinity();
      index[v] = Index{};
    }
  }

  [[gnu::always_inline]] void all(const AssignTask<T>& task, const T* tile) {
    in_groups(task.clusters, [&]<int C>(std::integral_constant<int, C>,
                                        std::int64_t first) __attribute__((always_inline)) {
      Value found[C][kVectors];
      const T* const packed = task.packed + first * task.rows.features;
      score<T, Bytes, C, false>(
          tile,
          [&](std::int64_t j, int c) __attribute__((always_inline)) { return packed[j * C + c]; },
          task.half_norm + first, task.rows.features, found);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c)
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) keep(v, found[c][v], first + c, found[c][v] < best[v]);
    });
  }

  /// Four centres in any order.
  [[gnu::always_inline]] void some(const AssignTask<T>& task, const T* tile,
                                   const std::int32_t (&pick)[4]) {
    const T* centre[4];
    T half_norm[4];
    for (int c = 0; c < 4; ++c) {
      centre[c] = task.plain + pick[c] * task.rows.features;
      half_norm[c] = task.half_norm[pick[c]];
    }
    Value found[4][kVectors];
    score<T, Bytes, 4, false>(
        tile, [&](std::int64_t j, int c) __attribute__((always_inline)) { return centre[c][j]; },
        half_norm, task.rows.features, found);
    for (int c = 0; c < 4; ++c)
      for (int v = 0; v < kVectors; ++v) {
        const Value s = found[c][v];
        const Index earlier = index[v] > static_cast<Int>(pick[c]);
        keep(v, s, pick[c], (s < best[v]) | ((s == best[v]) & earlier));
      }
  }

 private:
  [[gnu::always_inline]] void keep(int v, const Value& s, std::int64_t centre,
                                   const Index& closer) {
    if constexpr (Gap) {
      const Value loser = closer ? best[v] : s;
      second[v] = loser < second[v] ? loser : second[v];
    }
    best[v] = closer ? s : best[v];
    index[v] = closer ? Index{} + static_cast<Int>(centre) : index[v];
  }
};

/// Squared norms of the rows of a tile.
template <class T, int Bytes>
[[gnu::always_inline]] inline void squared_norms(const T* tile, std::int64_t features, T* out) {
  using Value = typename Register<T, Bytes>::Value;
  constexpr int P = Tile<T, Bytes>::P;
  constexpr int W = P / kVectors;
  Value sum[kVectors]{};
  for (std::int64_t j = 0; j < features; ++j)
    for (int v = 0; v < kVectors; ++v) {
      const Value x = *reinterpret_cast<const Value*>(tile + j * P + v * W);
      sum[v] += x * x;
    }
  for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Value*>(out + v * W) = sum[v];
}

/// Writes labels, changes and gaps of the rows of a tile, which are base + list[at], ..., or
/// (without a list) base + at, ...; centres that were not looked at are at least `outside[p]` away
/// (null: all were).
template <class T, int Bytes, bool Gap>
[[gnu::always_inline]] inline void settle(const AssignTask<T>& task,
                                          const Nearest<T, Bytes, Gap>& nearest, const T* norm,
                                          const T* outside, std::int64_t base,
                                          const std::int32_t* list, std::int64_t at, std::int64_t n,
                                          Change* change, AssignOutcome& outcome) {
  using Value = typename Register<T, Bytes>::Value;
  using Index = typename Register<T, Bytes>::Index;
  constexpr int P = Tile<T, Bytes>::P;
  constexpr int W = P / kVectors;
  alignas(64) typename Register<T, Bytes>::Int label[P];
  for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Index*>(label + v * W) = nearest.index[v];
  std::int32_t* const kept = task.label + base;
  std::int32_t moved = 1;
  if (!list && n == P) {  // neighbouring rows: one look tells whether any of them moves
    moved = 0;
    for (int p = 0; p < P; ++p) moved |= kept[at + p] ^ static_cast<std::int32_t>(label[p]);
  }
  for (std::int64_t p = 0; moved != 0 && p < n; ++p) {
    const auto now = static_cast<std::int32_t>(label[p]);
    const std::int32_t r = list ? list[at + p] : static_cast<std::int32_t>(at + p);
    const std::int32_t before = kept[r];
    change[outcome.changed] = {r, before, now};
    outcome.changed += before != now;
    kept[r] = now;
  }
  if constexpr (Gap) {
    constexpr T kSlack = 4 * std::numeric_limits<T>::epsilon();
    alignas(64) T best[P];
    alignas(64) T second[P];
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<Value*>(best + v * W) = nearest.best[v];
      *reinterpret_cast<Value*>(second + v * W) = nearest.second[v];
    }
    alignas(64) T gap[P];
    for (int p = 0; p < P; ++p) {
      const T error = task.error * (norm[p] + task.square) + std::numeric_limits<T>::min();
      const T own = norm[p] + 2 * best[p] + error;
      const T other = norm[p] + 2 * second[p] - error;
      T far = std::sqrt(other > T{0} ? other : T{0}) * (1 - kSlack);
      if (outside) far = outside[p] < far ? outside[p] : far;
      gap[p] = far - std::sqrt(own > T{0} ? own : T{0}) * (1 + kSlack);
    }
    for (std::int64_t p = 0; p < n; ++p) {
      task.gap[base + (list ? list[at + p] : at + p)] = gap[p];
      outcome.largest = std::max(outcome.largest, static_cast<double>(norm[p]));
    }
  }
}

/// The rows base + list[first], ..., or (without a list) base + first, ..., up to `last`.
template <class T, int Bytes, bool Gap>
[[gnu::always_inline]] inline AssignOutcome assign_rows(const AssignTask<T>& task,
                                                        std::int64_t base, const std::int32_t* list,
                                                        std::int64_t first, std::int64_t last,
                                                        Change* change) {
  constexpr int P = Tile<T, Bytes>::P;
  Tile<T, Bytes> tile(task.rows);
  alignas(64) T norm[P];
  AssignOutcome outcome;
  for (std::int64_t at = first; at < last; at += P) {
    const std::int64_t n = std::min<std::int64_t>(P, last - at);
    if (list)
      tile.gather(base, list + at, n);
    else
      tile.load(base + at, n);
    Nearest<T, Bytes, Gap> nearest;
    nearest.all(task, tile.data());
    if constexpr (Gap) squared_norms<T, Bytes>(tile.data(), task.rows.features, norm);
    settle(task, nearest, norm, static_cast<const T*>(nullptr), base, list, at, n, change, outcome);
  }
  return outcome;
}

/// Listed rows whose label is `own`: only centres within 2 u + max(s, margin) of it
/// can be the nearest or the second, u the distance of a row and s that of the nearest other
/// centre to the own one. [Newling & Fleuret 2016, ICML, section 3.1]
template <class T, int Bytes>
[[gnu::always_inline]] inline AssignOutcome assign_near(const AssignTask<T>& task,
                                                        const Neighbours<T>& neighbours,
                                                        std::int32_t own, std::int64_t base,
                                                        const std::int32_t* list,
                                                        std::int64_t count, Change* change) {
  using Value = typename Register<T, Bytes>::Value;
  constexpr int P = Tile<T, Bytes>::P;
  constexpr int W = P / kVectors;
  constexpr T kSlack = 8 * std::numeric_limits<T>::epsilon();
  const std::int64_t k = task.clusters;
  const std::int64_t d = task.rows.features;
  const T* const distance = neighbours.distance + own * k;
  const std::int32_t* const index = neighbours.index + own * k;
  const T* const centre = task.plain + own * d;
  const T next = k > 1 ? std::max(distance[1], neighbours.margin) : neighbours.margin;
  Tile<T, Bytes> tile(task.rows);
  alignas(64) T norm[P];
  alignas(64) T outside[P];
  AssignOutcome outcome;
  for (std::int64_t at = 0; at < count; at += P) {
    const std::int64_t n = std::min<std::int64_t>(P, count - at);
    tile.gather(base, list + at, n);
    squared_norms<T, Bytes>(tile.data(), d, norm);
    Value to_own[1][kVectors];
    score<T, Bytes, 1, false>(
        tile.data(), [&](std::int64_t j, int) __attribute__((always_inline)) { return centre[j]; },
        task.half_norm + own, d, to_own);
    for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Value*>(outside + v * W) = to_own[0][v];
    T reach = T{0};
    for (int p = 0; p < P; ++p) {
      const T square = norm[p] + 2 * outside[p] + task.error * (norm[p] + task.square) +
                       std::numeric_limits<T>::min();
      outside[p] = std::sqrt(square > T{0} ? square : T{0}) * (1 + kSlack);
      reach = outside[p] > reach ? outside[p] : reach;
    }
    reach = (2 * reach + next) * (1 + kSlack);
    std::int64_t near = 0;
    while (near < k && !(distance[near] > reach)) ++near;

    Nearest<T, Bytes, true> nearest;
    for (std::int64_t c = 0; c < near; c += 4) {
      std::int32_t pick[4];
      for (std::int64_t m = 0; m < 4; ++m)
        pick[m] = c + m < near ? index[c + m] : static_cast<std::int32_t>(k);
      nearest.some(task, tile.data(), pick);
    }
    for (int p = 0; p < P; ++p) outside[p] = (reach - outside[p]) * (1 - kSlack);
    settle(task, nearest, norm, near < k ? outside : nullptr, base, list, at, n, change, outcome);
  }
  return outcome;
}

}  // namespace tenure::segment::detail
