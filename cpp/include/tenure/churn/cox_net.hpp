#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/cox_data.hpp"
#include "tenure/churn/cox_likelihood.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

struct CoxNetSettings {
  Ties ties = Ties::breslow;
  double l1_ratio = 1.0;               ///< share of the penalty that is absolute, in [0, 1]
  std::span<const double> lasso;       ///< p, >= 0: f, of a coefficient of a scaled column
  std::span<const double> ridge;       ///< p, >= 0: r, of its square
  std::span<const double> penalty;     ///< decreasing; empty: `penalties` from the largest
  std::int64_t penalties = 100;        ///< length of the path that the engine makes
  double least = 1e-4;                 ///< its smallest penalty over its largest
  std::int64_t max_iterations = 1000;  ///< looks at the rows for one penalty
  double tolerance = 1e-5;  ///< of what is left to go, in standard deviations of a column
};

/// Minima of
///
///     - l(b) / W  +  penalty (l1_ratio sum_j f_j |b_j| + (1 - l1_ratio)/2 sum_j r_j b_j^2),
///
/// l the log partial likelihood, W the weight of all rows, b of columns scaled as in CoxData:
/// glmnet's objective. [Simon, Friedman, Hastie & Tibshirani 2011, J. Stat. Software 39(5)]
struct CoxNetPath {
  std::vector<double> penalty;
  std::vector<double> beta;            ///< penalties x p
  std::vector<double> log_likelihood;  ///< by penalty
  std::vector<std::uint8_t> converged;
  std::int64_t evaluations = 0;  ///< points at which value and score were read
  double null_log_likelihood = 0.0;
};

/// A quadratic model of the likelihood at a point is minimised with the penalty by coordinate
/// descent, which costs O(p^2) a sweep and reads no row. The model puts the next penalties of the
/// path, up to eight of them, where it has their minima; value and score are then read at all of
/// these points in one pass over the rows, which costs little more than for one. The model's
/// Hessian begins as the information and learns from each step taken (BFGS). A penalty is done when
/// the step from its own point is small, and that step is taken by the model alone; else it is
/// looked at again with the next ones. Where the objective does not fall, one penalty is followed
/// alone, with a new information and eight lengths of each step.
///
/// O(n p) a look, some 20 of them a path of 100 penalties; O(n p^2) for an information, one a path
/// unless steps fail. Holds 64 bytes a row and a time. Same bits for every thread count. Throws
/// InvalidInput if nobody churned, and for offsets at which the likelihood is no number.
CoxNetPath cox_net(const CoxData& data, const CoxNetSettings& settings,
                   const Execution& execution = {});

}  // namespace tenure::churn
