#include "tenure/churn/logistic_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cox_kernels.hpp"
#include "cox_slots.hpp"
#include "logistic_kernels.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

using Vector = std::vector<double>;

double lane_sum(const double* v, std::int64_t n) {
  double lane[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::int64_t l = 0; l < 8; ++l) lane[l] += v[i + l];
  for (std::int64_t l = 0; i < n; ++i, ++l) lane[l] += v[i];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/// A function of the sample alone; fewer where each block's terms x terms sum is large.
std::int64_t block_rows(const LogisticData& d, std::int64_t rows) {
  constexpr std::int64_t kDoubles = std::int64_t{1} << 23;
  const std::int64_t most = std::max<std::int64_t>(4, kDoubles / (d.stride * d.stride));
  return std::max(detail::block_rows(rows), block_count(rows, most));
}

/// Rows in the cache, with what the coefficients make of them.
class Tile {
 public:
  Tile(const LogisticData& d, std::span<const double> beta, std::int64_t every)
      : d_(d),
        every_(every),
        lead_(d.intercept ? 1 : 0),
        size_(detail::tile_rows(d.stride)),
        beta_(static_cast<std::size_t>(d.stride)),
        inverse_(d.scale.size()),
        z_(static_cast<std::size_t>(size_ * d.stride)),
        by_row_(static_cast<std::size_t>(7 * size_)) {
    std::ranges::copy(beta, beta_.begin());
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

  /// Loads rows first, first + 1, ... of those that count, and predicts.
  void load(std::int64_t first, std::int64_t n) {
    const std::int64_t start = first * every_;
    detail::standardise(d_.x.data() + start * d_.columns, n, every_ * d_.columns, d_.columns,
                        d_.centre.data(), inverse_.data(), lead_, d_.stride, z());
    for (std::int64_t k = 0; k < n; ++k) {
      const auto i = static_cast<std::size_t>(start + k * every_);
      sign()[k] = d_.event[i] ? 1.0 : -1.0;
      weight()[k] = d_.weight.empty() ? 1.0 : d_.weight[i];
      linear()[k] = 0.0;
    }
    detail::add_products(z(), n, d_.stride, beta_.data(), linear());
    for (std::int64_t k = 0; k < n; ++k) {
      const auto i = static_cast<std::size_t>(start + k * every_);
      eta()[k] = linear()[k] + (d_.offset.empty() ? 0.0 : d_.offset[i]);
    }
  }

  void terms(std::int64_t n) {
    detail::logistic_terms(eta(), sign(), weight(), n, value(), residual(), curvature());
  }

 private:
  const LogisticData& d_;
  std::int64_t every_, lead_, size_;
  Vector beta_, inverse_, z_, by_row_;
};

/// Calls body(block, tile, first, n) for all tiles of all blocks of rows.
template <class Body>
void for_each_tile(const LogisticData& d, std::span<const double> beta, std::int64_t every,
                   const Execution& execution, const Body& body) {
  const std::int64_t rows = block_count(d.rows, every);
  for_each_block(
      rows, execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        Tile tile(d, beta, every);
        for (std::int64_t begin = first; begin < last; begin += tile.size()) {
          execution.poll();
          const std::int64_t n = std::min(tile.size(), last - begin);
          tile.load(begin, n);
          body(block, tile, begin, n);
        }
      },
      block_rows(d, rows));
}

/// One sum of `width` doubles a block, added up in block order.
class BlockSums {
 public:
  BlockSums(const LogisticData& d, std::int64_t rows, std::int64_t width)
      : width_(static_cast<std::size_t>(width)),
        part_(static_cast<std::size_t>(block_count(rows, block_rows(d, rows))) * width_, 0.0) {}
  double* of(std::int64_t block) { return part_.data() + static_cast<std::size_t>(block) * width_; }
  Vector total() const {
    Vector out(width_, 0.0);
    for (std::size_t at = 0; at < part_.size(); ++at) out[at % width_] += part_[at];
    return out;
  }

 private:
  std::size_t width_;
  Vector part_;
};

/// The terms x terms part of a stride x stride lower triangle, both halves.
Vector square(const LogisticData& d, const Vector& padded) {
  Vector out(static_cast<std::size_t>(d.terms * d.terms));
  for (std::int64_t j = 0; j < d.terms; ++j)
    for (std::int64_t k = 0; k <= j; ++k)
      out[static_cast<std::size_t>(j * d.terms + k)] =
          out[static_cast<std::size_t>(k * d.terms + j)] =
              padded[static_cast<std::size_t>(j * d.stride + k)];
  return out;
}

void resize_terms(const LogisticData& d, Vector& padded) {
  padded.resize(static_cast<std::size_t>(d.terms));
}

}  // namespace

LogisticPoint logistic_at(const LogisticData& d, std::span<const double> beta, LogisticPass pass,
                          const Execution& execution, std::int64_t every) {
  const std::int64_t rows = block_count(d.rows, every);
  const bool scored = pass != LogisticPass::value, informed = pass == LogisticPass::information;
  BlockSums value(d, rows, 1), score(d, rows, scored ? d.stride : 1);
  BlockSums information(d, rows, informed ? d.stride * d.stride : 1);
  Vector margin(static_cast<std::size_t>(block_count(rows, block_rows(d, rows))),
                std::numeric_limits<double>::infinity());
  for_each_tile(d, beta, every, execution,
                [&](std::int64_t block, Tile& tile, std::int64_t, std::int64_t n) {
                  tile.terms(n);
                  *value.of(block) += lane_sum(tile.value(), n);
                  double& least = margin[static_cast<std::size_t>(block)];
                  for (std::int64_t k = 0; k < n; ++k)
                    if (tile.weight()[k] > 0.0)
                      least = std::min(least, tile.sign()[k] * tile.linear()[k]);
                  if (scored)
                    detail::add_rows(tile.z(), tile.residual(), n, d.stride, score.of(block));
                  if (!informed) return;
                  for (std::int64_t k = 0; k < n; ++k)
                    tile.curvature()[k] = std::sqrt(tile.curvature()[k]);
                  detail::scale_rows(tile.z(), tile.curvature(), n, d.stride, tile.z());
                  detail::add_outer(tile.z(), n, d.stride, information.of(block));
                });
  LogisticPoint out;
  out.log_likelihood = value.total()[0];
  out.least_margin = *std::ranges::min_element(margin);
  if (scored) {
    out.score = score.total();
    resize_terms(d, out.score);
  }
  if (informed) out.information = square(d, information.total());
  return out;
}

std::vector<double> logistic_firth_score(const LogisticData& d, std::span<const double> beta,
                                         std::span<const double> inverse,
                                         const Execution& execution) {
  Vector padded(static_cast<std::size_t>(d.stride * d.stride), 0.0);
  for (std::int64_t j = 0; j < d.terms; ++j)
    for (std::int64_t k = 0; k < d.terms; ++k)
      padded[static_cast<std::size_t>(j * d.stride + k)] =
          inverse[static_cast<std::size_t>(j * d.terms + k)];
  BlockSums score(d, d.rows, d.stride);
  for_each_tile(d, beta, 1, execution,
                [&](std::int64_t block, Tile& tile, std::int64_t, std::int64_t n) {
                  tile.terms(n);
                  detail::quadratic_forms(tile.z(), n, d.stride, padded.data(), tile.value());
                  for (std::int64_t k = 0; k < n; ++k) {
                    // 1/2 - mu = -tanh(eta / 2) / 2.
                    const double away = -0.5 * std::tanh(0.5 * tile.eta()[k]);
                    tile.residual()[k] = tile.curvature()[k] * tile.value()[k] * away;
                  }
                  detail::add_rows(tile.z(), tile.residual(), n, d.stride, score.of(block));
                });
  Vector out = score.total();
  resize_terms(d, out);
  return out;
}

std::vector<double> logistic_score_products(const LogisticData& d, std::span<const double> beta,
                                            std::span<const std::int32_t> cluster,
                                            std::int64_t clusters, const Execution& execution) {
  if (cluster.empty()) {
    BlockSums product(d, d.rows, d.stride * d.stride);
    for_each_tile(d, beta, 1, execution,
                  [&](std::int64_t block, Tile& tile, std::int64_t, std::int64_t n) {
                    tile.terms(n);
                    detail::scale_rows(tile.z(), tile.residual(), n, d.stride, tile.z());
                    detail::add_outer(tile.z(), n, d.stride, product.of(block));
                  });
    return square(d, product.total());
  }
  // A cluster's rows lie anywhere, so its sum runs over rows in their order, by one thread.
  Vector sums(static_cast<std::size_t>(clusters * d.stride), 0.0);
  Tile tile(d, beta, 1);
  for (std::int64_t first = 0; first < d.rows; first += tile.size()) {
    execution.poll();
    const std::int64_t n = std::min(tile.size(), d.rows - first);
    tile.load(first, n);
    tile.terms(n);
    for (std::int64_t k = 0; k < n; ++k)
      detail::add_rows(tile.z() + k * d.stride, tile.residual() + k, 1, d.stride,
                       sums.data() + cluster[static_cast<std::size_t>(first + k)] * d.stride);
  }
  Vector product(static_cast<std::size_t>(d.stride * d.stride), 0.0);
  detail::add_outer(sums.data(), clusters, d.stride, product.data());
  return square(d, product);
}

LogisticMargins logistic_margins(const LogisticData& d, std::span<const double> direction,
                                 double threshold, const Execution& execution) {
  BlockSums gram(d, d.rows, d.stride * d.stride), counts(d, d.rows, 4);
  for_each_tile(d, direction, 1, execution,
                [&](std::int64_t block, Tile& tile, std::int64_t, std::int64_t n) {
                  double* const count = counts.of(block);  // above, below, -least, most
                  for (std::int64_t k = 0; k < n; ++k) {
                    const bool counted = tile.weight()[k] > 0.0;
                    const double margin = tile.sign()[k] * tile.linear()[k];
                    const bool above = margin > threshold;
                    tile.curvature()[k] = counted && !above ? 1.0 : 0.0;
                    if (!counted) continue;
                    count[above ? 0 : 1] += 1.0;
                    count[2] = std::max(count[2], -margin);
                    count[3] = std::max(count[3], margin);
                  }
                  detail::scale_rows(tile.z(), tile.curvature(), n, d.stride, tile.z());
                  detail::add_outer(tile.z(), n, d.stride, gram.of(block));
                });
  LogisticMargins out;
  for (std::int64_t b = 0; b < block_count(d.rows, block_rows(d, d.rows)); ++b) {
    const double* const count = counts.of(b);
    out.above += static_cast<std::int64_t>(count[0]);
    out.below += static_cast<std::int64_t>(count[1]);
    out.least = std::min(out.least, -count[2]);
    out.most = std::max(out.most, count[3]);
  }
  out.gram_below = square(d, gram.total());
  return out;
}

}  // namespace tenure::churn
