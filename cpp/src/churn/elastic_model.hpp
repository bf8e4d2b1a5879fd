#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::churn::detail {

/// A point, and what is left of the objective there without its penalty.
struct ElasticPoint {
  std::vector<double> beta;
  double loss = 0.0;
  std::vector<double> gradient;
};

/// What is added to a loss: penalty sum_j (lasso_j |b_j| + ridge_j b_j^2 / 2).
struct ElasticPenalty {
  std::vector<double> lasso, ridge;
  double at(double penalty, std::span<const double> beta) const;
};

/// A loss near a point as a quadratic: its gradient there and one Hessian, which learns.
class ElasticModel {
 public:
  ElasticModel(const ElasticPenalty& penalty, double enough)
      : penalty_(penalty), p_(penalty.lasso.size()), enough_(enough) {}

  void renew(std::vector<double> hessian) { hessian_ = std::move(hessian); }

  /// What the way from one point to another taught about the curvature: BFGS.
  /// [Nocedal & Wright 2006, eq. 6.19]
  void learn(const ElasticPoint& from, const ElasticPoint& to);

  /// The minimum of the quadratic at `point` with the penalty, by coordinate descent from `start`.
  std::vector<double> minimum(const ElasticPoint& point, double penalty,
                              std::span<const double> start, const Execution& execution) const;

  /// The quadratic's loss and gradient at another point.
  ElasticPoint at(const ElasticPoint& point, std::vector<double> beta) const;

 private:
  std::vector<double> product(std::span<const double> step) const;

  const ElasticPenalty& penalty_;
  std::size_t p_;
  double enough_;  ///< a sweep that moves nothing by as much is the last
  std::vector<double> hessian_;
};

}  // namespace tenure::churn::detail
