#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/logistic_data.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

struct LogisticNetSettings {
  double l1_ratio = 1.0;               ///< share of the penalty that is absolute, in [0, 1]
  std::span<const double> lasso;       ///< terms, >= 0: f, of |b|; 0 for the intercept
  std::span<const double> ridge;       ///< terms, >= 0: r, of b^2; 0 for the intercept
  std::span<const double> penalty;     ///< decreasing; empty: `penalties` from the largest
  std::int64_t penalties = 100;        ///< length of the path that the engine makes
  double least = 1e-4;                 ///< its smallest penalty over its largest
  std::int64_t max_iterations = 1000;  ///< evaluations for one penalty
  double tolerance = 1e-5;  ///< of what is left to go, in standard deviations of a column
};

/// Minima of
///
///     - l(b) / W  +  penalty (l1_ratio sum_j f_j |b_j| + (1 - l1_ratio)/2 sum_j r_j b_j^2),
///
/// l the log-likelihood, W the weight of all rows, b of standardised columns: glmnet's objective.
/// [Friedman, Hastie & Tibshirani 2010, J. Stat. Software 33(1)]
struct LogisticNetPath {
  std::vector<double> penalty;
  std::vector<double> beta;            ///< penalties x terms
  std::vector<double> log_likelihood;  ///< by penalty
  std::vector<std::uint8_t> converged;
  std::int64_t evaluations = 0;
};

/// The path, from the regression with the unpenalised terms alone; algorithm and cost of `cox_net`:
/// O(rows terms) an evaluation, one or two of them a penalty; O(rows terms^2) for an information, a
/// few a path. Same bits for every thread count. Throws what `fit_logistic` throws.
LogisticNetPath logistic_net(const LogisticData& data, const LogisticNetSettings& settings,
                             const Execution& execution = {});

}  // namespace tenure::churn
