#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/optim/result.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Rows that a few columns map to a probability. Views: nothing is copied.
struct RecalibrationSample {
  std::span<const double> columns;  ///< k columns of n, one after another; k may be 0
  std::span<const double> offset;   ///< part of the log odds that is given; empty: 0
  std::span<const double> target;   ///< in [0, 1]: who churned, or Platt's targets
  std::span<const double> weight;   ///< finite, >= 0; empty: 1
  bool intercept = true;
};

struct Recalibration {
  optim::Status status = optim::Status::stalled;
  std::vector<double> coef;        ///< the intercept first, if there is one
  std::vector<double> covariance;  ///< inverse of the information at `coef`; NaN if not identified
  double log_likelihood = 0.0;
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;
};

/// Logistic regression on the few columns that a recalibration has, by Newton with value, gradient
/// and Hessian from one pass: log odds = offset + intercept + columns * coef. Platt's map is one
/// column with Platt's targets [Platt 1999; Lin, Lin & Weng 2007, Machine Learning 68:267-276],
/// temperature one column of log odds and no intercept [Guo, Pleiss, Sun & Weinberger 2017], beta
/// calibration two columns [Kull, Silva Filho & Flach 2017], recalibration the log odds themselves
/// [Cox 1958, Biometrika 45:562-565].
///
/// Columns are scaled, and centred where there is an intercept, while they are read. O(n k^2) a
/// step. Same bits for every thread count. Throws InvalidInput for columns that differ in length,
/// more than 6 of them, nothing to fit, a cell that is not finite, a target outside [0, 1], a
/// weight that is negative or not finite, weights that are all 0, and a column without spread.
Recalibration recalibrate(const RecalibrationSample& sample, const Execution& execution);

}  // namespace tenure::churn
