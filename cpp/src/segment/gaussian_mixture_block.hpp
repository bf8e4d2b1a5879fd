#pragma once
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "gaussian_mixture_kernels.hpp"
#include "tenure/special/elementary.hpp"

// The inner loops of the Gaussian mixture, written once for every vector width, as those of k-means
// are: gaussian_mixture_kernels.cpp instantiates them for each instruction set.
namespace tenure::segment::detail {

/// One pass over tiles of kRows rows, feature by feature in vectors of neighbouring rows.
template <int Bytes>
class MixturePass {
  using Value = typename Register<double, Bytes>::Value;
  using RowTile = Tile<double, Bytes, 2>;
  static constexpr int kLanes = Bytes / 8;
  static constexpr int P = RowTile::P;
  static constexpr int kTiles = 4;
  static constexpr int kRows = kTiles * P;

 public:
  [[gnu::always_inline]] explicit MixturePass(const MixtureTask& task)
      : task_(task),
        d_(task.rows.features),
        k_(task.components),
        tiles_{RowTile(task.rows), RowTile(task.rows), RowTile(task.rows), RowTile(task.rows)},
        y_(static_cast<std::size_t>(k_ * d_ * kTiles * 2)),
        share_(static_cast<std::size_t>(k_ * kTiles * 2)),
        sums_per_component_(1 + d_ + (task.diagonal ? d_ : d_ * (d_ + 1) / 2)),
        sums_(static_cast<std::size_t>(task.moments ? k_ * sums_per_component_ : 0), Cell{}) {}

  [[gnu::always_inline]] MixtureTotals run(std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; row += kRows) {
      const std::int64_t n = std::min<std::int64_t>(kRows, last - row);
      used_ = static_cast<int>((n + P - 1) / P);
      for (int q = 0; q < used_; ++q)
        tiles_[static_cast<std::size_t>(q)].load(row + q * P, std::min<std::int64_t>(P, n - q * P));
      for (std::int64_t k = 0; k < k_; ++k)
        for (int q = 0; q < used_; ++q) task_.diagonal ? scale(k, q) : whiten(k, q);
      divide(row, n);
      if (!task_.moments) continue;
      for (std::int64_t k = 0; k < k_; ++k) task_.diagonal ? add_variances(k) : add_products(k);
    }
    if (task_.moments) unload();
    MixtureTotals totals;
    for (int i = 0; i < kRows; ++i) {
      totals.log_likelihood += log_likelihood_.lane[i];
      totals.entropy += entropy_.lane[i];
    }
    return totals;
  }

 private:
  struct Cell {
    Value lanes;
  };
  struct alignas(64) RowCells {
    double lane[kRows];
  };

  [[gnu::always_inline]] Value* y(std::int64_t k, int q, std::int64_t feature) {
    return &y_[static_cast<std::size_t>(((k * kTiles + q) * d_ + feature) * 2)].lanes;
  }
  [[gnu::always_inline]] Value* share(std::int64_t k, int q) {
    return &share_[static_cast<std::size_t>((k * kTiles + q) * 2)].lanes;
  }
  [[gnu::always_inline]] static const Value& load(const double* from) {
    return *reinterpret_cast<const Value*>(from);
  }

  /// Stores the logarithm of a component's part of the density.
  [[gnu::always_inline]] void rate(std::int64_t k, int q, const Value (&distance)[2]) {
    const Value far = Value{} + kFarthest;
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      // Written so that NaN, an infinite difference of infinities, counts as far too.
      const Value near = distance[v] < far ? distance[v] : far;
      share(k, q)[v] = task_.constant[k] - 0.5 * near;
    }
  }

  /// y = U'(x - m) of the rows of a tile, C columns of U from `column` on.
  template <int C>
  [[gnu::always_inline]] const double* whiten_columns(std::int64_t k, int q, std::int64_t column,
                                                      const double* factor, Value (&distance)[2]) {
    const double* const x = tiles_[static_cast<std::size_t>(q)].data();
    const double* const mean = task_.mean + k * d_;
    Value sum[C][2];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) sum[c][0] = sum[c][1] = Value{};
    for (std::int64_t a = 0; a < column; ++a, factor += C) {
      const Value z0 = load(x + a * P) - mean[a];
      const Value z1 = load(x + a * P + P / 2) - mean[a];
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) {
        sum[c][0] += z0 * factor[c];
        sum[c][1] += z1 * factor[c];
      }
    }
#pragma GCC unroll 4
    for (int a = 0; a < C; ++a) {
      const Value z0 = load(x + (column + a) * P) - mean[column + a];
      const Value z1 = load(x + (column + a) * P + P / 2) - mean[column + a];
#pragma GCC unroll 4
      for (int c = a; c < C; ++c) {
        sum[c][0] += z0 * *factor;
        sum[c][1] += z1 * *factor;
        ++factor;
      }
    }
    Value* const to = y(k, q, column);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      to[2 * c] = sum[c][0];
      to[2 * c + 1] = sum[c][1];
      distance[0] += sum[c][0] * sum[c][0];
      distance[1] += sum[c][1] * sum[c][1];
    }
    return factor;
  }

  [[gnu::always_inline]] void whiten(std::int64_t k, int q) {
    const double* factor = task_.factor + (task_.shared ? 0 : k * d_ * (d_ + 1) / 2);
    Value distance[2] = {Value{}, Value{}};
    std::int64_t column = 0;
    for (; column + 4 <= d_; column += 4)
      factor = whiten_columns<4>(k, q, column, factor, distance);
    if (d_ - column == 3) whiten_columns<3>(k, q, column, factor, distance);
    if (d_ - column == 2) whiten_columns<2>(k, q, column, factor, distance);
    if (d_ - column == 1) whiten_columns<1>(k, q, column, factor, distance);
    rate(k, q, distance);
  }

  [[gnu::always_inline]] void scale(std::int64_t k, int q) {
    const double* const x = tiles_[static_cast<std::size_t>(q)].data();
    const double* const mean = task_.mean + k * d_;
    const double* const factor = task_.factor + k * d_;
    Value distance[2] = {Value{}, Value{}};
    for (std::int64_t a = 0; a < d_; ++a) {
      const Value y0 = (load(x + a * P) - mean[a]) * factor[a];
      const Value y1 = (load(x + a * P + P / 2) - mean[a]) * factor[a];
      y(k, q, a)[0] = y0;
      y(k, q, a)[1] = y1;
      distance[0] += y0 * y0;
      distance[1] += y1 * y1;
    }
    rate(k, q, distance);
  }

  /// From logarithms of the parts of the density to responsibilities times weights of rows.
  [[gnu::always_inline]] void divide(std::int64_t row, std::int64_t n) {
    RowCells most, sum, slope, weight;
    double* const cells = reinterpret_cast<double*>(share_.data());
    for (int i = 0; i < kRows; ++i) {
      most.lane[i] = cells[i];
      sum.lane[i] = slope.lane[i] = 0.0;
      weight.lane[i] = i < n ? (task_.rows.weight ? task_.rows.weight[row + i] : 1.0) : 0.0;
    }
    for (std::int64_t k = 1; k < k_; ++k)
      for (int i = 0; i < kRows; ++i)
        most.lane[i] = cells[k * kRows + i] > most.lane[i] ? cells[k * kRows + i] : most.lane[i];
    if (task_.label) label(cells, most, row, n);
    for (std::int64_t k = 0; k < k_; ++k)
      for (int i = 0; i < kRows; ++i) {
        const double below = cells[k * kRows + i] - most.lane[i];
        const double e = below < -708.0 ? 0.0 : special::vector_exp(below);
        cells[k * kRows + i] = e;
        sum.lane[i] += e;
        slope.lane[i] += e * below;
      }
    for (int i = 0; i < kRows; ++i) {
      const double log_sum = special::vector_log(sum.lane[i]);
      const double inverse = 1.0 / sum.lane[i];
      most.lane[i] += log_sum;
      log_likelihood_.lane[i] += weight.lane[i] * most.lane[i];
      entropy_.lane[i] += weight.lane[i] * (log_sum - slope.lane[i] * inverse);
      sum.lane[i] = inverse;
      weight.lane[i] *= inverse;
    }
    if (task_.log_density) std::copy_n(most.lane, n, task_.log_density + row);
    if (task_.responsibility)
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t k = 0; k < k_; ++k)
          task_.responsibility[(row + i) * k_ + k] = cells[k * kRows + i] * sum.lane[i];
    for (std::int64_t k = 0; k < k_; ++k)
      for (int i = 0; i < kRows; ++i) cells[k * kRows + i] *= weight.lane[i];
  }

  [[gnu::always_inline]] void label(const double* cells, const RowCells& most, std::int64_t row,
                                    std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::int32_t k = 0;
      while (cells[k * kRows + i] != most.lane[i]) ++k;
      task_.label[row + i] = k;
    }
  }

  [[gnu::always_inline]] Cell* sums(std::int64_t k) {
    return sums_.data() + k * sums_per_component_;
  }

  [[gnu::always_inline]] void add_held(std::int64_t k, Cell& to) {
    for (int q = 0; q < used_; ++q) to.lanes += share(k, q)[0] + share(k, q)[1];
  }

  /// Adds r y_a y_b for A rows a from `row` on and the four columns b from `column` on.
  template <int A>
  [[gnu::always_inline]] Cell* add_square(std::int64_t k, std::int64_t row, std::int64_t column,
                                          Cell* to) {
    Value sum[A][4];
#pragma GCC unroll 4
    for (int a = 0; a < A; ++a)
#pragma GCC unroll 4
      for (int b = 0; b < 4; ++b) sum[a][b] = to[4 * a + b].lanes;
    for (int q = 0; q < used_; ++q)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const Value* const from = y(k, q, row) + v;
        const Value* const other = y(k, q, column) + v;
        Value part[A];
#pragma GCC unroll 4
        for (int a = 0; a < A; ++a) part[a] = share(k, q)[v] * from[2 * a];
#pragma GCC unroll 4
        for (int b = 0; b < 4; ++b)
#pragma GCC unroll 4
          for (int a = 0; a < A; ++a) sum[a][b] += part[a] * other[2 * b];
      }
#pragma GCC unroll 4
    for (int a = 0; a < A; ++a)
#pragma GCC unroll 4
      for (int b = 0; b < 4; ++b) to[4 * a + b].lanes = sum[a][b];
    return to + 4 * A;
  }

  /// The lower triangle of C rows on the diagonal, and the sums of r y.
  template <int C>
  [[gnu::always_inline]] Cell* add_triangle(std::int64_t k, std::int64_t row, Cell* first,
                                            Cell* to) {
    Value sum[C][C];
    Value plain[C];
#pragma GCC unroll 4
    for (int a = 0; a < C; ++a) {
      plain[a] = first[row + a].lanes;
#pragma GCC unroll 4
      for (int b = 0; b <= a; ++b) sum[a][b] = to[a * (a + 1) / 2 + b].lanes;
    }
    for (int q = 0; q < used_; ++q)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const Value* const from = y(k, q, row) + v;
        const Value r = share(k, q)[v];
#pragma GCC unroll 4
        for (int a = 0; a < C; ++a) {
          const Value part = r * from[2 * a];
          plain[a] += part;
#pragma GCC unroll 4
          for (int b = 0; b <= a; ++b) sum[a][b] += part * from[2 * b];
        }
      }
#pragma GCC unroll 4
    for (int a = 0; a < C; ++a) {
      first[row + a].lanes = plain[a];
#pragma GCC unroll 4
      for (int b = 0; b <= a; ++b) to[a * (a + 1) / 2 + b].lanes = sum[a][b];
    }
    return to + C * (C + 1) / 2;
  }

  [[gnu::always_inline]] void add_products(std::int64_t k) {
    Cell* const own = sums(k);
    add_held(k, own[0]);
    Cell* to = own + 1 + d_;
    for (std::int64_t row = 0; row < d_; row += 4) {
      const std::int64_t rows = std::min<std::int64_t>(4, d_ - row);
      for (std::int64_t column = 0; column < row; column += 4) {
        if (rows >= 2) to = add_square<2>(k, row, column, to);
        if (rows == 4) to = add_square<2>(k, row + 2, column, to);
        if (rows % 2) to = add_square<1>(k, row + rows - 1, column, to);
      }
      if (rows == 4) to = add_triangle<4>(k, row, own + 1, to);
      if (rows == 3) to = add_triangle<3>(k, row, own + 1, to);
      if (rows == 2) to = add_triangle<2>(k, row, own + 1, to);
      if (rows == 1) to = add_triangle<1>(k, row, own + 1, to);
    }
  }

  [[gnu::always_inline]] void add_variances(std::int64_t k) {
    Cell* const own = sums(k);
    add_held(k, own[0]);
    for (std::int64_t a = 0; a < d_; ++a) {
      Value first = own[1 + a].lanes;
      Value second = own[1 + d_ + a].lanes;
      for (int q = 0; q < used_; ++q)
#pragma GCC unroll 2
        for (int v = 0; v < 2; ++v) {
          const Value part = share(k, q)[v] * y(k, q, a)[v];
          first += part;
          second += part * y(k, q, a)[v];
        }
      own[1 + a].lanes = first;
      own[1 + d_ + a].lanes = second;
    }
  }

  [[gnu::always_inline]] static double total(const Cell& cell) {
    double sum = 0.0;
    for (int i = 0; i < kLanes; ++i) sum += cell.lanes[i];
    return sum;
  }

  /// Adds the lanes up into the moments, in the order in which add_products visits them.
  [[gnu::always_inline]] void unload() {
    MixtureMoments& to = *task_.moments;
    const std::int64_t triangle = d_ * (d_ + 1) / 2;
    for (std::int64_t k = 0; k < k_; ++k) {
      const Cell* from = sums(k);
      to.held[static_cast<std::size_t>(k)] += total(*from++);
      for (std::int64_t a = 0; a < d_; ++a)
        to.first[static_cast<std::size_t>(k * d_ + a)] += total(*from++);
      if (task_.diagonal) {
        for (std::int64_t a = 0; a < d_; ++a)
          to.second[static_cast<std::size_t>(k * d_ + a)] += total(*from++);
        continue;
      }
      const auto second = [&](std::int64_t a, std::int64_t b) -> double& {
        return to.second[static_cast<std::size_t>(k * triangle + a * (a + 1) / 2 + b)];
      };
      for (std::int64_t row = 0; row < d_; row += 4) {
        const std::int64_t end = std::min(d_, row + 4);
        for (std::int64_t column = 0; column < row; column += 4)
          for (std::int64_t a = row; a < end; ++a)
            for (std::int64_t b = column; b < column + 4; ++b) second(a, b) += total(*from++);
        for (std::int64_t a = row; a < end; ++a)
          for (std::int64_t b = row; b <= a; ++b) second(a, b) += total(*from++);
      }
    }
  }

  const MixtureTask& task_;
  std::int64_t d_, k_;
  std::array<RowTile, kTiles> tiles_;
  std::vector<Cell> y_;
  std::vector<Cell> share_;
  std::int64_t sums_per_component_;
  std::vector<Cell> sums_;
  RowCells log_likelihood_{}, entropy_{};
  int used_ = 0;
};

}  // namespace tenure::segment::detail
