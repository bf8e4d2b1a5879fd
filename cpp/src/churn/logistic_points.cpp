#include "logistic_points.hpp"

#include <algorithm>
#include <vector>

#include "logistic_tiles.hpp"

namespace tenure::churn::detail {

LaneValues logistic_points(const LogisticData& d, std::span<const double> beta,
                           const Execution& execution) {
  std::vector<double> b(beta.begin(), beta.end());
  b.resize(static_cast<std::size_t>(d.stride * kLanes), 0.0);
  BlockSums value(d, kLanes), score(d, d.stride * kLanes);
  for_each_tile(
      d, execution, [&](std::int64_t block, Tile& tile, std::int64_t first, std::int64_t n) {
        double* const eta = tile.lanes(0);
        for (std::int64_t k = 0; k < n; ++k)
          std::fill_n(eta + k * kLanes, kLanes,
                      d.offset.empty() ? 0.0 : d.offset[static_cast<std::size_t>(first + k)]);
        lane_products(tile.z(), n, d.stride, b.data(), eta);
        lane_logistic(eta, tile.sign(), tile.weight(), n, tile.lanes(1), value.of(block));
        lane_rows(tile.z(), eta, n, d.stride, score.of(block));
      });
  LaneValues out;
  const std::vector<double> total = value.total();
  std::ranges::copy(total, out.log_likelihood.begin());
  out.score = score.total();
  out.score.resize(static_cast<std::size_t>(d.terms * kLanes));
  return out;
}

}  // namespace tenure::churn::detail
