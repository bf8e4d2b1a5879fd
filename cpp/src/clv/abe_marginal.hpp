#pragma once
#include <Eigen/Dense>
#include <cstdint>
#include <vector>

#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// The likelihood of the population of the model of Abe, everybody's rates integrated out: a double
/// integral a customer, and a sum of logarithms over customers.
///
/// Trapezoidal rules [Trefethen & Weideman 2014, SIAM Review 56:385-458] in u = log lambda, between
/// points beyond which the integrand is below e^-14 of its largest value, and in v = log mu. Nodes
/// lie on one grid for all customers of the same covariates, who share what depends on u and v
/// alone; of a customer remain exponentials of u or of v, and two products of a matrix with a
/// vector. Customers alike in everything count once. A customer's logarithm is within 3e-5 (mostly
/// 1e-6) of the truth where the population may have such customers, within 2e-3 beyond; the grids
/// move with the population, so that errors of many do not add up.
class AbeMarginal {
 public:
  /// `design`: n x K, row by row. Views of both are kept. O(n log n).
  AbeMarginal(const RepeatPurchases& purchases, const double* design, std::int64_t covariates);

  /// At the coefficients B (K x 2) and the lower root of Gamma. -inf where a spread is so large, or
  /// so small, that rates beyond all bounds would count.
  double log_likelihood(const Eigen::MatrixXd& coefficients, const Eigen::MatrixXd& root,
                        const Execution& execution) const;

 private:
  struct Group {
    std::int64_t row;  ///< one of the customers alike
    double customers;
    bool first;      ///< of its covariates; and of all of them
    double highest;  ///< log(x / t_x)
  };

  RepeatPurchases purchases_;
  const double* design_;
  std::int64_t covariates_;
  std::vector<Group> groups_;
};

}  // namespace tenure::clv
