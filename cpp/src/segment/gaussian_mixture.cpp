#include "tenure/segment/gaussian_mixture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "gaussian_mixture_state.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::segment {
namespace {

using namespace detail;

// Products of smaller weights with shares would lose their digits.
constexpr double kLeastWeight = 1e-250;

void require_settings(const GaussianMixtureSettings& s, std::int64_t rows) {
  if (s.components < 1 || s.components > rows)
    throw InvalidInput("n_components", -1, static_cast<double>(s.components),
                       "at least 1 and at most the number of rows");
  if (!(std::isfinite(s.regularisation) && s.regularisation >= 0.0))
    throw InvalidInput("reg_covar", -1, s.regularisation, "finite and at least 0");
  if (!(s.tolerance >= 0.0)) throw InvalidInput("tol", -1, s.tolerance, "at least 0");
  if (s.max_iterations < 1)
    throw InvalidInput("max_iter", -1, static_cast<double>(s.max_iterations), "at least 1");
  if (s.restarts < 1)
    throw InvalidInput("n_init", -1, static_cast<double>(s.restarts), "at least 1");
}

void require_start(const GaussianMixtureStart& start, const GaussianMixtureSettings& s,
                   std::int64_t features) {
  const auto require = [&](const char* argument,
                           const std::optional<std::span<const double>>& given, std::int64_t size) {
    if (!given) return;
    if (std::ssize(*given) != size)
      throw InvalidInput(argument, -1, static_cast<double>(given->size()),
                         "of the size that n_components and X ask for");
    for (const double x : *given)
      if (!std::isfinite(x)) throw InvalidInput(argument, -1, x, "finite");
  };
  require("weights_init", start.weight, s.components);
  require("means_init", start.mean, s.components * features);
  require("precisions_init", start.precision_cholesky,
          covariance_size(s.shape, s.components, features));
  double total = 0.0;
  if (!start.weight) return;
  for (const double w : *start.weight) {
    if (!(w >= 0.0)) throw InvalidInput("weights_init", -1, w, "at least 0");
    total += w;
  }
  if (!(std::abs(total - 1.0) <= 1e-6))
    throw InvalidInput("weights_init", -1, total, "weights that add up to 1");
}

/// Rows by columns of the same standard deviation, about the frame's shift.
std::vector<double> standardised(const Frame<double>& frame, const std::vector<double>& deviation,
                                 const Execution& execution) {
  const std::int64_t d = frame.points().features;
  std::vector<double> inverse;
  for (const double s : deviation) inverse.push_back(s > 0.0 ? 1.0 / s : 1.0);
  std::vector<double> out(frame.points().values.size());
  for_each_block(frame.points().rows(), for_work(execution, frame.points().rows(), d),
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   for (std::int64_t i = first; i < last; ++i)
                     for (std::int64_t j = 0; j < d; ++j)
                       out[static_cast<std::size_t>(i * d + j)] =
                           frame.cell(i, j) * inverse[static_cast<std::size_t>(j)];
                 });
  return out;
}

/// Weighted sum over rows of what `add(row, sums)` adds to `size` sums.
template <class Add>
std::vector<double> sums_over_rows(const Frame<double>& frame, std::int64_t size,
                                   const Execution& execution, const Add& add) {
  struct Sums {
    std::vector<double> value;
    Sums& operator+=(const Sums& other) {
      for (std::size_t i = 0; i < value.size(); ++i) value[i] += other.value[i];
      return *this;
    }
  };
  const std::int64_t d = frame.points().features;
  const Sums none{std::vector<double>(static_cast<std::size_t>(size))};
  return block_reduce(
             frame.points().rows(), for_work(execution, frame.points().rows(), d * d), none,
             [&](std::int64_t first, std::int64_t last) {
               Sums of = none;
               for (std::int64_t i = first; i < last; ++i) {
                 if (i % 256 == 0) execution.poll();
                 add(i, frame.weight(i), of.value.data());
               }
               return of;
             },
             std::max(kBlockRows, (8 * size / d + 63) / 64 * 64))
      .value;
}

/// Standard deviation of each column, by weight.
std::vector<double> deviations(const Frame<double>& frame, double total,
                               const Execution& execution) {
  const std::int64_t d = frame.points().features;
  std::vector<double> mean =
      sums_over_rows(frame, d, execution, [&](std::int64_t i, double w, double* sum) {
        for (std::int64_t j = 0; j < d; ++j) sum[j] += w / total * frame.cell(i, j);
      });
  std::vector<double> of =
      sums_over_rows(frame, d, execution, [&](std::int64_t i, double w, double* sum) {
        for (std::int64_t j = 0; j < d; ++j) {
          const double gap = frame.cell(i, j) - mean[static_cast<std::size_t>(j)];
          sum[j] += w / total * (gap * gap);
        }
      });
  for (double& s : of) s = std::sqrt(s);
  return of;
}

/// A state from a partition of the rows. False: collapsed.
bool start_from_labels(MixtureState& state, const Frame<double>& frame,
                       std::span<const std::int32_t> label, const Execution& execution) {
  const std::int64_t k = state.components();
  const std::int64_t d = state.features();
  const std::vector<double> sum =
      sums_over_rows(frame, k * (d + 1), execution, [&](std::int64_t i, double w, double* to) {
        double* const of = to + label[static_cast<std::size_t>(i)] * (d + 1);
        for (std::int64_t j = 0; j < d; ++j) of[j] += w * frame.cell(i, j);
        of[d] += w;
      });
  for (std::int64_t c = 0; c < k; ++c) {
    const double* const of = sum.data() + c * (d + 1);
    for (std::int64_t j = 0; j < d; ++j)
      state.mean()[static_cast<std::size_t>(c * d + j)] = of[d] > 0.0 ? of[j] / of[d] : 0.0;
  }
  MixtureMoments moments(k, d, state.diagonal());
  const std::int64_t seconds = state.diagonal() ? d : d * (d + 1) / 2;
  const std::int64_t size = 1 + d + seconds;
  const std::vector<double> of =
      sums_over_rows(frame, k * size, execution, [&](std::int64_t i, double w, double* sums) {
        const std::int64_t c = label[static_cast<std::size_t>(i)];
        double* to = sums + c * size;
        *to += w;
        double* const y = to + 1;  // the moments in the order of the state's coordinates
        double* second = y + d;
        for (std::int64_t a = 0; a < d; ++a) {
          const auto whitened = [&](std::int64_t j) {
            return (frame.cell(i, j) - state.mean()[static_cast<std::size_t>(c * d + j)]) /
                   state.deviation(c, j);
          };
          const double ya = whitened(a);
          y[a] += w * ya;
          for (std::int64_t b = state.diagonal() ? a : 0; b <= a; ++b)
            *second++ += w * ya * whitened(b);
        }
      });
  for (std::int64_t c = 0; c < k; ++c) {
    const double* from = of.data() + c * size;
    moments.held[static_cast<std::size_t>(c)] = *from++;
    std::copy_n(from, d, moments.first.data() + c * d);
    std::copy_n(from + d, seconds, moments.second.data() + c * seconds);
  }
  return state.update(moments);
}

/// The rows' parts to start from: nearest given means, or k-means from seeds of run `run`.
Buffer<std::int32_t> partition(const Points<double>& scaled,
                               const GaussianMixtureSettings& settings,
                               const std::vector<double>& means, std::uint64_t run,
                               const Execution& execution) {
  if (!means.empty()) return kmeans_assign(scaled, std::span<const double>(means), execution).label;
  std::vector<double> centre;
  for (const std::int64_t row :
       kmeans_plus_plus(scaled, settings.components, settings.seed, run, execution)) {
    const auto from = scaled.values.begin() + row * scaled.features;
    centre.insert(centre.end(), from, from + scaled.features);
  }
  const std::optional<std::span<const double>> seeds(centre);
  if (settings.lloyd)
    return kmeans(scaled, {.clusters = settings.components, .seed = settings.seed}, seeds,
                  execution)
        .label;
  return kmeans_assign(scaled, *seeds, execution).label;
}

/// EM from `state`; nothing where it collapses.
std::optional<GaussianMixtureFit> climb(MixtureState state, const Frame<double>& frame,
                                        double total_weight,
                                        const GaussianMixtureSettings& settings,
                                        const Execution& execution) {
  GaussianMixtureFit fit{};
  MixtureMoments moments(0, 0, true);
  double before = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < settings.max_iterations && !fit.converged; ++i) {
    const double bound = state.pass(frame, execution, moments).log_likelihood / total_weight;
    fit.lower_bound.push_back(bound);
    if (!state.update(moments)) return std::nullopt;
    fit.converged = std::abs(bound - before) <= settings.tolerance;
    before = bound;
  }
  const MixtureTotals totals = state.pass(frame, execution, moments);
  fit.mixture = state.mixture(frame);
  fit.log_likelihood = totals.log_likelihood;
  fit.entropy = totals.entropy;
  fit.held = std::move(moments.held);
  return fit;
}

}  // namespace

GaussianMixtureFit fit_gaussian_mixture(const Points<double>& points,
                                        const GaussianMixtureSettings& settings,
                                        const GaussianMixtureStart& start,
                                        const Execution& execution) {
  const double total = require_valid(points);
  if (!(total >= kLeastWeight))
    throw InvalidInput("sample_weight", -1, total, "of a total of at least 1e-250");
  require_settings(settings, points.rows());
  require_start(start, settings, points.features);
  const Moments of = moments(points, execution);
  require_in_range<double>("X", of.peak, points.features, total);
  const Frame<double> frame(points, of.mean);
  const std::vector<double> deviation = deviations(frame, total, execution);

  const bool whole = start.weight && start.mean && start.precision_cholesky;
  const std::int64_t runs = start.mean ? 1 : settings.restarts;
  std::vector<double> scaled;
  std::vector<double> scaled_means;
  if (!whole) {
    scaled = standardised(frame, deviation, execution);
    if (start.mean)
      for (std::size_t i = 0; i < start.mean->size(); ++i) {
        const auto j = i % deviation.size();
        scaled_means.push_back(((*start.mean)[i] - frame.shift(static_cast<std::int64_t>(j))) /
                               (deviation[j] > 0.0 ? deviation[j] : 1.0));
      }
  }

  std::optional<GaussianMixtureFit> best;
  std::int64_t collapsed = 0;
  for (std::int64_t r = 0; r < runs; ++r) {
    MixtureState state(settings, deviation);
    bool sound = true;
    if (!whole) {
      const Points<double> columns{scaled, points.features, points.weight};
      const Buffer<std::int32_t> label =
          partition(columns, settings, scaled_means, static_cast<std::uint64_t>(r), execution);
      sound = start_from_labels(state, frame, label.span(), execution);
    }
    if (start.weight) state.set_weights(*start.weight);
    if (start.mean) state.set_means(*start.mean, frame);
    if (start.precision_cholesky) {
      state.set_precision_cholesky(*start.precision_cholesky);
      sound = true;
    }
    std::optional<GaussianMixtureFit> found;
    if (sound) found = climb(std::move(state), frame, total, settings, execution);
    if (!found)
      ++collapsed;
    else if (!best || found->log_likelihood > best->log_likelihood)
      best = std::move(found);
  }
  if (!best)
    throw InvalidInput("reg_covar", -1,
                       "is too small for these data: in every run the covariance of a component "
                       "collapsed, as rows that are equal or lie on a line or plane make it; raise "
                       "reg_covar, ask for fewer components or a simpler covariance_type, or drop "
                       "columns that others determine");
  best->collapsed = collapsed;
  return *std::move(best);
}

}  // namespace tenure::segment
