#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/cox_net.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn::detail {

/// A point, and what is left of the objective there without its penalty.
struct CoxNetPoint {
  std::vector<double> beta;
  double loss = 0.0;
  std::vector<double> gradient;
};

/// The loss near a point as a quadratic: its gradient there and one Hessian, which learns.
class CoxNetModel {
 public:
  CoxNetModel(const CoxNetSettings& settings, std::size_t columns)
      : settings_(settings), p_(columns) {}

  void renew(std::vector<double> hessian) { hessian_ = std::move(hessian); }

  /// What the way from one point to another taught about the curvature: BFGS.
  /// [Nocedal & Wright 2006, eq. 6.19]
  void learn(const CoxNetPoint& from, const CoxNetPoint& to);

  double penalty(double by, std::span<const double> beta) const;

  /// The minimum of the quadratic at `point` with the penalty, by coordinate descent from `start`.
  std::vector<double> minimum(const CoxNetPoint& point, double penalty,
                              std::span<const double> start, const Execution& execution) const;

  /// The quadratic's loss and gradient at another point.
  CoxNetPoint at(const CoxNetPoint& point, std::vector<double> beta) const;

 private:
  std::vector<double> product(std::span<const double> step) const;

  const CoxNetSettings& settings_;
  std::size_t p_;
  std::vector<double> hessian_;
};

}  // namespace tenure::churn::detail
