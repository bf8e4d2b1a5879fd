#include "tenure/churn/logistic_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "logistic_tiles.hpp"

namespace tenure::churn {
namespace {

using Vector = std::vector<double>;
using detail::BlockSums;
using detail::Tile;

double lane_sum(const double* v, std::int64_t n) {
  double lane[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::int64_t l = 0; l < 8; ++l) lane[l] += v[i + l];
  for (std::int64_t l = 0; i < n; ++i, ++l) lane[l] += v[i];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/// Calls body(block, tile, first, n) for all tiles, predicted too.
template <class Body>
void for_each_predicted(const LogisticData& d, std::span<const double> beta,
                        const Execution& execution, const Body& body) {
  const Vector b = detail::padded(d, beta);
  detail::for_each_tile(d, execution,
                        [&](std::int64_t block, Tile& tile, std::int64_t first, std::int64_t n) {
                          tile.predict(first, n, b.data());
                          body(block, tile, first, n);
                        });
}

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
                          const Execution& execution) {
  const bool scored = pass != LogisticPass::value, informed = pass == LogisticPass::information;
  BlockSums value(d, 1), score(d, scored ? d.stride : 1);
  BlockSums information(d, informed ? d.stride * d.stride : 1);
  Vector margin(static_cast<std::size_t>(value.blocks()), std::numeric_limits<double>::infinity());
  for_each_predicted(
      d, beta, execution, [&](std::int64_t block, Tile& tile, std::int64_t, std::int64_t n) {
        tile.terms(n);
        *value.of(block) += lane_sum(tile.value(), n);
        double& least = margin[static_cast<std::size_t>(block)];
        least = std::min(least, detail::least_margin(tile.linear(), tile.sign(), tile.weight(), n));
        if (scored) detail::add_rows(tile.z(), tile.residual(), n, d.stride, score.of(block));
        if (!informed) return;
        detail::scale_by_root(tile.z(), tile.curvature(), n, d.stride);
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
  BlockSums score(d, d.stride);
  for_each_predicted(d, beta, execution,
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
    BlockSums product(d, d.stride * d.stride);
    for_each_predicted(d, beta, execution,
                       [&](std::int64_t block, Tile& tile, std::int64_t, std::int64_t n) {
                         tile.terms(n);
                         detail::scale_rows(tile.z(), tile.residual(), n, d.stride, tile.z());
                         detail::add_outer(tile.z(), n, d.stride, product.of(block));
                       });
    return square(d, product.total());
  }
  // A cluster's rows lie anywhere, so its sum runs over rows in their order, by one thread.
  Vector sums(static_cast<std::size_t>(clusters * d.stride), 0.0);
  Tile tile(d);
  const Vector b = detail::padded(d, beta);
  for (std::int64_t first = 0; first < d.rows; first += tile.size()) {
    execution.poll();
    const std::int64_t n = std::min(tile.size(), d.rows - first);
    tile.load(first, n);
    tile.predict(first, n, b.data());
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
  BlockSums gram(d, d.stride * d.stride), counts(d, 4);
  for_each_predicted(d, direction, execution,
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
  for (std::int64_t b = 0; b < counts.blocks(); ++b) {
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
