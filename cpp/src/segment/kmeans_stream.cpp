#include "tenure/segment/kmeans_stream.hpp"

#include <cmath>

#include "kmeans_lloyd.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::segment {

template <class T>
Assignment kmeans_absorb(const Points<T>& batch, KMeansStream& state, const Execution& execution) {
  const std::int64_t d = batch.features;
  const std::int64_t k = std::ssize(state.weight);
  if (std::ssize(state.centre) != k * d)
    throw InvalidInput("centre", -1, static_cast<double>(state.centre.size()),
                       "as many rows as weights, with as many columns as X");
  for (std::int64_t c = 0; c < k; ++c) {
    const double w = state.weight[static_cast<std::size_t>(c)];
    if (!(std::isfinite(w) && w >= 0.0)) throw InvalidInput("mass", c, w, "finite and >= 0");
  }
  const std::vector<T> centre(state.centre.begin(), state.centre.end());
  Assignment found = kmeans_assign(batch, std::span<const T>(centre), execution);

  // About 0: sums are taken in double, and a mean of a batch needs no more.
  const std::vector<double> origin(static_cast<std::size_t>(d));
  const detail::Frame<T> frame(batch, origin);
  const bool weighted = batch.weight.has_value();
  const detail::Totals totals = block_reduce(
      batch.rows(), detail::for_work(execution, batch.rows(), d), detail::Totals(k, d, weighted),
      [&](std::int64_t first, std::int64_t last) {
        detail::Totals of(k, d, weighted);
        detail::kernels<T>().sum(frame.rows(), found.label.data(), first, last, of.into());
        return of;
      });
  for (std::int64_t c = 0; c < k; ++c) {
    const double fresh = totals.weight_of(c);
    if (!(fresh > 0.0)) continue;
    double& weight = state.weight[static_cast<std::size_t>(c)];
    weight += fresh;
    for (std::int64_t j = 0; j < d; ++j) {
      double& at = state.centre[static_cast<std::size_t>(c * d + j)];
      const double mean = totals.sum[static_cast<std::size_t>(c * detail::padded(d) + j)] / fresh;
      at += fresh / weight * (mean - at);
    }
  }
  return found;
}

template Assignment kmeans_absorb(const Points<float>&, KMeansStream&, const Execution&);
template Assignment kmeans_absorb(const Points<double>&, KMeansStream&, const Execution&);

}  // namespace tenure::segment
