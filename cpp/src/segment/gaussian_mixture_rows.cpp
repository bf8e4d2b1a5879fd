#include <cmath>

#include "gaussian_mixture_state.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

using namespace detail;

bool diagonal(const GaussianMixture& m) {
  return m.shape == CovarianceShape::diagonal || m.shape == CovarianceShape::spherical;
}

void require_mixture(const GaussianMixture& m) {
  const auto size = static_cast<std::size_t>(covariance_size(m.shape, m.components, m.features));
  if (m.components < 1 || m.features < 1 || std::ssize(m.weight) != m.components ||
      std::ssize(m.mean) != m.components * m.features || m.precision_cholesky.size() != size)
    throw InvalidInput("mixture", -1, static_cast<double>(m.components),
                       "of arrays whose sizes belong together");
}

/// 1/sd of every feature of every component, also where components have but one.
std::vector<double> inverse_deviations(const GaussianMixture& m) {
  std::vector<double> of;
  for (std::int64_t k = 0; k < m.components; ++k)
    for (std::int64_t j = 0; j < m.features; ++j)
      of.push_back(m.precision_cholesky[static_cast<std::size_t>(
          m.shape == CovarianceShape::spherical ? k : k * m.features + j)]);
  return of;
}

}  // namespace

GaussianMixtureRows gaussian_mixture_rows(const Points<double>& points,
                                          const GaussianMixture& mixture,
                                          const GaussianMixtureAsked& asked,
                                          const Execution& execution) {
  const double weight = require_valid(points);
  require_mixture(mixture);
  const std::int64_t n = points.rows();
  const std::int64_t d = points.features;
  const std::int64_t k = mixture.components;
  if (d != mixture.features)
    throw InvalidInput("X", -1, static_cast<double>(d), "of as many columns as the mixture");
  require_in_range<double>("X", moments(points, execution).peak, d, weight);

  // The shift depends on the mixture alone, so that a row's answer does not depend on other rows.
  std::vector<double> shift(static_cast<std::size_t>(d));
  for (std::size_t i = 0; i < mixture.mean.size(); ++i)
    shift[i % shift.size()] += mixture.mean[i] / static_cast<double>(k);
  const Frame<double> frame(points, shift);
  std::vector<double> mean = mixture.mean;
  for (std::size_t i = 0; i < mean.size(); ++i)
    mean[i] -= frame.shift(static_cast<std::int64_t>(i) % d);
  const std::vector<double> constant =
      log_constants(mixture.weight, mixture.precision_cholesky, mixture.shape, d);
  const std::vector<double> factor =
      diagonal(mixture) ? inverse_deviations(mixture)
                        : pack_factors(mixture.precision_cholesky,
                                       std::ssize(mixture.precision_cholesky) / (d * d), d);

  GaussianMixtureRows out{};
  if (asked.log_density) out.log_density = Buffer<double>(n);
  if (asked.responsibility) out.responsibility = Buffer<double>(n * k);
  if (asked.label) out.label = Buffer<std::int32_t>(n);
  const MixtureTask task{
      .rows = frame.rows(),
      .components = k,
      .diagonal = diagonal(mixture),
      .shared = mixture.shape == CovarianceShape::tied,
      .mean = mean.data(),
      .factor = factor.data(),
      .constant = constant.data(),
      .log_density = asked.log_density ? out.log_density.data() : nullptr,
      .responsibility = asked.responsibility ? out.responsibility.data() : nullptr,
      .label = asked.label ? out.label.data() : nullptr};
  const std::int64_t work = k * d * (diagonal(mixture) ? 3 : d + 3);
  const MixtureKernel kernel = mixture_kernel();
  const MixtureTotals totals = block_reduce(
      n, for_work(execution, n, work), MixtureTotals{}, [&](std::int64_t first, std::int64_t last) {
        MixtureTotals of;
        in_pieces(first, last, d, work, execution,
                  [&](std::int64_t from, std::int64_t to) { of += kernel(task, from, to); });
        return of;
      });
  out.log_likelihood = totals.log_likelihood;
  out.entropy = totals.entropy;
  return out;
}

GaussianMixtureSample sample_gaussian_mixture(const GaussianMixture& mixture, std::int64_t rows,
                                              std::uint64_t seed, const Execution& execution) {
  require_mixture(mixture);
  const std::int64_t d = mixture.features;
  const std::vector<double> inverse =
      diagonal(mixture) ? inverse_deviations(mixture) : std::vector<double>{};
  GaussianMixtureSample out{Buffer<double>(rows * d), Buffer<std::int32_t>(rows)};
  const auto draw = [&](std::int64_t i) {
    RandomStream random(seed, static_cast<std::uint64_t>(i));
    std::int64_t k = 0;
    double left = random.uniform();
    // Off the end by rounding only: then it is the last component with a weight.
    for (std::int64_t c = 0; c < mixture.components && left >= 0.0; ++c) {
      const double w = mixture.weight[static_cast<std::size_t>(c)];
      if (w > 0.0) k = c;
      left -= w;
    }
    out.label[i] = static_cast<std::int32_t>(k);
    double* const x = out.values.data() + i * d;
    // U'(x - m) is standard normal: forward substitution.
    const double* const upper = diagonal(mixture)
                                    ? nullptr
                                    : mixture.precision_cholesky.data() +
                                          (mixture.shape == CovarianceShape::tied ? 0 : k * d * d);
    for (std::int64_t j = 0; j < d; ++j) {
      double z = random.normal();
      if (upper) {
        for (std::int64_t a = 0; a < j; ++a) z -= x[a] * upper[a * d + j];
        x[j] = z / upper[j * d + j];
      } else {
        x[j] = z / inverse[static_cast<std::size_t>(k * d + j)];
      }
    }
    for (std::int64_t j = 0; j < d; ++j) x[j] += mixture.mean[static_cast<std::size_t>(k * d + j)];
  };
  for_each_block(rows, for_work(execution, std::max<std::int64_t>(rows, 1), 50 * d + d * d),
                 [&](std::int64_t, std::int64_t first, std::int64_t end) {
                   for (std::int64_t i = first; i < end; ++i) {
                     if (i % 256 == 0) execution.poll();
                     draw(i);
                   }
                 });
  return out;
}

}  // namespace tenure::segment
