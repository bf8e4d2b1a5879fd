#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gaussian_mixture_kernels.hpp"
#include "kmeans_frame.hpp"
#include "tenure/segment/gaussian_mixture.hpp"

namespace tenure::segment::detail {

/// A mixture between two passes: means less the shift of the rows, covariances as factors.
class MixtureState {
 public:
  /// Every component at the mean of all rows with their standard deviations; weights of 0.
  MixtureState(const GaussianMixtureSettings& settings, const std::vector<double>& deviation);

  std::int64_t components() const { return k_; }
  std::int64_t features() const { return d_; }
  bool diagonal() const {
    return shape_ == CovarianceShape::diagonal || shape_ == CovarianceShape::spherical;
  }

  /// The M-step: moments about these means, in these factors' coordinates. False: collapsed.
  [[nodiscard]] bool update(const MixtureMoments& moments);

  void set_weights(std::span<const double> weight);
  void set_means(std::span<const double> mean, const Frame<double>& frame);
  void set_precision_cholesky(std::span<const double> upper);

  /// Log-likelihood and entropy of all rows; `moments` become those of this state.
  MixtureTotals pass(const Frame<double>& frame, const Execution& execution,
                     MixtureMoments& moments) const;

  GaussianMixture mixture(const Frame<double>& frame) const;
  const std::vector<double>& mean() const { return mean_; }
  std::vector<double>& mean() { return mean_; }
  /// Standard deviation of a feature given those before it, of component k.
  double deviation(std::int64_t k, std::int64_t feature) const;

 private:
  bool update_matrix(const std::vector<double>& scatter, std::int64_t matrix);
  bool update_tied(const MixtureMoments& moments);
  bool update_variances(const MixtureMoments& moments, std::int64_t k);
  std::vector<double> step(const MixtureMoments& moments, std::int64_t k) const;
  void move_mean(const std::vector<double>& step, std::int64_t k);
  std::int64_t matrix_of(std::int64_t k) const { return shape_ == CovarianceShape::tied ? 0 : k; }
  std::size_t at(std::int64_t k, std::int64_t j) const {
    return static_cast<std::size_t>(k * d_ + j);
  }

  std::int64_t k_, d_;
  CovarianceShape shape_;
  double regularisation_;
  std::vector<double> least_;   // features: below it a deviation has collapsed
  std::vector<double> weight_;  // components
  std::vector<double> mean_;    // components x features
  // Lower triangular L with S = L L' (full: components matrices, tied: one), or deviations.
  std::vector<double> lower_;
};

/// log(w / sqrt(|S| (2 pi)^d)) of each component, from the upper factors of the precisions.
std::vector<double> log_constants(const std::vector<double>& weight,
                                  const std::vector<double>& upper, CovarianceShape shape,
                                  std::int64_t features);

/// Rows in a block, so that the sums of all blocks stay below an eighth of the points.
std::int64_t mixture_block_rows(std::int64_t components, std::int64_t features, bool diagonal);

}  // namespace tenure::segment::detail
