#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/segment/kmeans.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::segment {

enum class CovarianceShape { full, tied, diagonal, spherical };

/// How many numbers hold the covariances of a shape: k matrices, one, k rows of variances, k.
std::int64_t covariance_size(CovarianceShape shape, std::int64_t components, std::int64_t features);

/// A density sum_k w_k N(x; m_k, S_k).
struct GaussianMixture {
  std::int64_t components;
  std::int64_t features;
  CovarianceShape shape;
  std::vector<double> weight;      ///< >= 0, adding up to 1; 0: a component that holds no row
  std::vector<double> mean;        ///< components x features
  std::vector<double> covariance;  ///< see covariance_size
  /// Upper triangular U with S^-1 = U U' (full, tied), or 1/sqrt(variance); laid out as covariance.
  std::vector<double> precision_cholesky;
};

struct GaussianMixtureSettings {
  std::int64_t components = 1;
  CovarianceShape shape = CovarianceShape::full;
  double regularisation = 1e-6;        ///< added to every variance in each M-step
  double tolerance = 1e-6;             ///< a run ends once the mean log-density moved by no more
  std::int64_t max_iterations = 1000;  ///< of one run
  std::int64_t restarts = 1;           ///< runs from seeds of their own; the likeliest wins
  bool lloyd = true;                   ///< start from k-means; false: from its seeds alone
  std::uint64_t seed = 0;
};

/// What a caller knows of the start; what is absent comes from a partition of the rows.
struct GaussianMixtureStart {
  std::optional<std::span<const double>> weight = {};
  std::optional<std::span<const double>> mean = {};
  /// In the layout of GaussianMixture::precision_cholesky.
  std::optional<std::span<const double>> precision_cholesky = {};
};

struct GaussianMixtureFit {
  GaussianMixture mixture;
  /// Weighted mean log-density before each M-step: it never falls where nothing is added to the
  /// variances, up to rounding.
  std::vector<double> lower_bound;
  double log_likelihood;     ///< weighted sum of log-densities under `mixture`
  double entropy;            ///< -sum_i w_i sum_k r_ik log r_ik
  std::vector<double> held;  ///< components: sum_i w_i r_ik under `mixture`
  bool converged;
  std::int64_t collapsed;  ///< runs that ended in a covariance that is not positive definite
};

/// Maximum likelihood by EM [Dempster, Laird & Rubin 1977, JRSS B 39:1-38] from the likeliest of
/// `restarts` runs. A run starts from `start`, or from a partition of the rows by k-means or by its
/// seeds, on columns divided by their standard deviations; its weights, means and covariances are
/// those of the parts.
///
/// Second moments are taken about each component's mean, in the coordinates in which its covariance
/// is the identity, and mapped back: neither an offset nor a narrow component costs digits.
///
/// A run in which a column's standard deviation within a component, given the columns before it,
/// falls below 1e-13 of that among all rows has collapsed; it is dropped. A component without
/// weight stays where it is, at weight 0.
///
/// Cost: one pass over the rows an iteration and rows x components x (features^2 + 5 features)
/// multiply-adds, bound by arithmetic; diagonal shapes rows x components x 5 features. Memory: that
/// of `points` once more while a partition is made, and the sums of each block. Bits do not depend
/// on the thread count.
///
/// Throws InvalidInput for a bad cell or weight, fewer rows than components, values whose squares
/// overflow, a start that is no mixture, and if every run collapsed.
GaussianMixtureFit fit_gaussian_mixture(const Points<double>& points,
                                        const GaussianMixtureSettings& settings,
                                        const GaussianMixtureStart& start,
                                        const Execution& execution);

struct GaussianMixtureRows {
  Buffer<double> log_density;     ///< by row; empty if not asked for
  Buffer<double> responsibility;  ///< rows x components; empty if not asked for
  Buffer<std::int32_t> label;     ///< by row: the likeliest component, of equal ones the first
  double log_likelihood;          ///< weighted
  double entropy;                 ///< weighted
};
struct GaussianMixtureAsked {
  bool log_density = false;
  bool responsibility = false;
  bool label = false;
};

/// What a mixture says about rows. A row so far from every component that its squared distance
/// passes 1e290 has the log-density -5e289 and is shared equally.
GaussianMixtureRows gaussian_mixture_rows(const Points<double>& points,
                                          const GaussianMixture& mixture,
                                          const GaussianMixtureAsked& asked,
                                          const Execution& execution);

struct GaussianMixtureSample {
  Buffer<double> values;       ///< rows x features
  Buffer<std::int32_t> label;  ///< by row: the component that it was drawn from
};

/// Independent draws; row i is made of RandomStream(seed, i).
GaussianMixtureSample sample_gaussian_mixture(const GaussianMixture& mixture, std::int64_t rows,
                                              std::uint64_t seed, const Execution& execution);

}  // namespace tenure::segment
