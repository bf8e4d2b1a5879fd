#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::churn::detail {

/// The smooth part of a penalised regression.
struct SmoothLoss {
  /// Moves to a point, writes the gradient there, returns the loss.
  std::function<double(const std::vector<double>& beta, std::vector<double>& gradient)> move;
  std::function<std::vector<double>()> hessian;  ///< p x p, where `move` went
};

struct ElasticSettings {
  double l1_ratio = 1.0;               ///< share of the penalty that is absolute, in [0, 1]
  std::span<const double> lasso;       ///< p, >= 0: f, of |b|
  std::span<const double> ridge;       ///< p, >= 0: r, of b^2
  std::span<const double> penalty;     ///< decreasing; empty: `penalties` from the largest
  std::int64_t penalties = 100;        ///< length of the path that the engine makes
  double least = 1e-4;                 ///< its smallest penalty over its largest
  std::int64_t max_iterations = 1000;  ///< evaluations for one penalty
  double tolerance = 1e-5;             ///< of what is left to go
  double least_curvature = 0.0;        ///< added to each diagonal of the Hessian
};

struct ElasticPath {
  std::vector<double> penalty;
  std::vector<double> beta;  ///< penalties x p
  std::vector<double> loss;  ///< by penalty, without the penalty
  std::vector<std::uint8_t> converged;
  std::int64_t evaluations = 0;
  double start_loss = 0.0;
};

/// Minima of loss(b) + penalty (l1_ratio sum_j f_j |b_j| + (1 - l1_ratio)/2 sum_j r_j b_j^2) from
/// the largest penalty down, each from the one before; the first begins at `start`, where all that
/// is penalised must be 0 and the rest at its minimum.
///
/// A quadratic model at the point reached is minimised with the penalty by coordinate descent,
/// which costs O(p^2) a sweep and reads no row; then loss and gradient are read at the new point.
/// The model's Hessian begins as the loss's, is corrected by each step taken (BFGS), and is
/// computed anew where steps do not shrink. A step that does not lower the objective is halved. The
/// last step of a penalty is small and taken by the model alone.
ElasticPath elastic_path(const SmoothLoss& loss, std::vector<double> start,
                         const ElasticSettings& settings, const Execution& execution);

}  // namespace tenure::churn::detail
