#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cox_kernels.hpp"
#include "cox_lanes.hpp"
#include "cox_slots.hpp"
#include "logistic_kernels.hpp"
#include "tenure/churn/logistic_data.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn::detail {

/// Blocks of rows: a function of the sample alone; fewer where each block's terms x terms sum is
/// large.
inline std::int64_t block_rows(const LogisticData& d) {
  constexpr std::int64_t kDoubles = std::int64_t{1} << 23;
  const std::int64_t most = std::max<std::int64_t>(4, kDoubles / (d.stride * d.stride));
  return std::max(block_rows(d.rows), block_count(d.rows, most));
}

/// Rows in the cache, with what the coefficients make of them.
class Tile {
 public:
  explicit Tile(const LogisticData& d)
      : d_(d),
        lead_(d.intercept ? 1 : 0),
        size_(tile_rows(d.stride)),
        inverse_(d.scale.size()),
        z_(static_cast<std::size_t>(size_ * d.stride)),
        by_row_(static_cast<std::size_t>(7 * size_)) {
    for (std::size_t j = 0; j < inverse_.size(); ++j) inverse_[j] = 1.0 / d.scale[j];
  }

  std::int64_t size() const { return size_; }
  double* z() { return z_.data(); }
  double* column(std::int64_t k) { return by_row_.data() + k * size_; }
  double* sign() { return column(0); }
  double* weight() { return column(1); }
  double* linear() { return column(2); }  ///< z'beta, without the offset
  double* eta() { return column(3); }
  double* value() { return column(4); }
  double* residual() { return column(5); }
  double* curvature() { return column(6); }

  /// Eight doubles a row, to work with; `which` 0 or 1.
  double* lanes(std::int64_t which) {
    lanes_.resize(static_cast<std::size_t>(2 * kLanes * size_));
    return lanes_.data() + which * kLanes * size_;
  }

  /// Loads n rows from the first on.
  void load(std::int64_t first, std::int64_t n) {
    detail::standardise(d_.x.data() + first * d_.columns, n, d_.columns, d_.centre.data(),
                        inverse_.data(), lead_, d_.stride, z());
    const std::uint8_t* const event = d_.event.data() + first;
    for (std::int64_t k = 0; k < n; ++k) sign()[k] = event[k] ? 1.0 : -1.0;
    if (d_.weight.empty())
      std::fill_n(weight(), n, 1.0);
    else
      std::copy_n(d_.weight.data() + first, n, weight());
  }

  /// `beta`: padded to the stride.
  void predict(std::int64_t first, std::int64_t n, const double* beta) {
    std::fill_n(linear(), n, 0.0);
    add_products(z(), n, d_.stride, beta, linear());
    std::copy_n(linear(), n, eta());
    if (d_.offset.empty()) return;
    const double* const offset = d_.offset.data() + first;
    for (std::int64_t k = 0; k < n; ++k) eta()[k] += offset[k];
  }

  void terms(std::int64_t n) {
    logistic_terms(eta(), sign(), weight(), n, value(), residual(), curvature());
  }

 private:
  const LogisticData& d_;
  std::int64_t lead_, size_;
  std::vector<double> inverse_, z_, by_row_, lanes_;
};

/// Calls body(block, tile, first, n) for all tiles of all blocks of rows, loaded.
template <class Body>
void for_each_tile(const LogisticData& d, const Execution& execution, const Body& body) {
  for_each_block(
      d.rows, execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        Tile tile(d);
        for (std::int64_t begin = first; begin < last; begin += tile.size()) {
          execution.poll();
          const std::int64_t n = std::min(tile.size(), last - begin);
          tile.load(begin, n);
          body(block, tile, begin, n);
        }
      },
      block_rows(d));
}

/// One sum of `size` doubles a block, added up in block order.
class BlockSums {
 public:
  BlockSums(const LogisticData& d, std::int64_t size)
      : size_(static_cast<std::size_t>(size)),
        part_(static_cast<std::size_t>(block_count(d.rows, block_rows(d))) * size_, 0.0) {}
  std::int64_t blocks() const { return static_cast<std::int64_t>(part_.size() / size_); }
  double* of(std::int64_t block) { return part_.data() + static_cast<std::size_t>(block) * size_; }
  std::vector<double> total() const {
    std::vector<double> out(size_, 0.0);
    for (std::size_t b = 0; b < part_.size(); b += size_)
      for (std::size_t k = 0; k < size_; ++k) out[k] += part_[b + k];
    return out;
  }

 private:
  std::size_t size_;
  std::vector<double> part_;
};

inline std::vector<double> padded(const LogisticData& d, std::span<const double> beta) {
  std::vector<double> out(static_cast<std::size_t>(d.stride), 0.0);
  std::ranges::copy(beta, out.begin());
  return out;
}

}  // namespace tenure::churn::detail
