#pragma once
#include "gompertz_lifetime.hpp"
#include "tenure/clv/derivatives.hpp"

namespace tenure::clv {

struct GGompertzPoint {
  double r, alpha;
  GompertzLifetime life;
};

/// The likelihood of single customers at one point of the GGompertz/NBD model.
class GGompertzRows {
 public:
  explicit GGompertzRows(const GGompertzPoint& point);

  /// log of the likelihood of a row, without the gamma functions and alpha^-x, with gradient and
  /// Hessian in the logs of r, alpha, b, s and beta/b: a quadrature over the time of leaving,
  /// panel after panel, as vectors. [docs/methods/ggompertz_nbd.md]
  Derivatives<5> of(double x, double t_x, double age) const;

 private:
  GGompertzPoint p_;
  double zero_, beside_;  ///< where the spread of the lifetime is 0, in the complex plane
};

}  // namespace tenure::clv
