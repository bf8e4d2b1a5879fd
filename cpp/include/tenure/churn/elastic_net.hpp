#pragma once
#include <cstdint>
#include <vector>

namespace tenure::churn {

/// Of paths of penalised regressions. A term is a coefficient of a column scaled to a standard
/// deviation of 1, or an intercept.
struct ElasticNetSettings {
  double l1_ratio = 1.0;               ///< share of the penalty that is absolute, in [0, 1]
  std::vector<double> lasso;           ///< terms, >= 0: f, of |b|; 0 for an intercept
  std::vector<double> ridge;           ///< terms, >= 0: r, of b^2; 0 for an intercept
  std::vector<double> penalty;         ///< decreasing; empty: `penalties` from the largest
  std::int64_t penalties = 100;        ///< length of the path that the engine makes
  double least = 1e-4;                 ///< its smallest penalty over its largest
  std::int64_t max_iterations = 1000;  ///< looks at the rows for one penalty
  double tolerance = 1e-5;             ///< of what is left to go, in standard deviations
  bool screen = true;                  ///< leave out terms that will be 0, and check that they are
};

/// Minima of
///
///     - l(b) / W  +  penalty (l1_ratio sum_j f_j |b_j| + (1 - l1_ratio)/2 sum_j r_j b_j^2),
///
/// l the log-likelihood and W the weight of all rows: glmnet's objective. [Friedman, Hastie &
/// Tibshirani 2010, J. Stat. Software 33(1)]
struct ElasticNetPath {
  std::vector<double> penalty;
  std::vector<double> beta;            ///< penalties x terms
  std::vector<double> log_likelihood;  ///< by penalty
  std::vector<std::uint8_t> converged;
  std::int64_t evaluations = 0;       ///< points at which value and score were read
  std::int64_t widest = 0;            ///< terms of the widest regression that was solved
  double start_log_likelihood = 0.0;  ///< where all that is penalised is 0
};

}  // namespace tenure::churn
