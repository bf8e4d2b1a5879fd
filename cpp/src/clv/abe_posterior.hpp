#pragma once
#include <Eigen/Dense>
#include <cstdint>
#include <optional>
#include <span>

#include "abe_marginal.hpp"
#include "tenure/clv/abe.hpp"

/// What the chains of Abe's model draw the population from: its posterior, everybody's rates
/// integrated out.
namespace tenure::clv {

struct AbePopulation {
  Eigen::MatrixXd coefficients;  ///< B
  Eigen::MatrixXd root;          ///< the lower root of Gamma
};

class AbePosterior {
 public:
  /// Views of the customers and of the design are kept. Throws InvalidInput for what breaks the
  /// rules of `sample_abe`.
  AbePosterior(const RepeatPurchases& purchases, std::span<const double> design,
               std::int64_t covariates, const AbePrior& prior, const Execution& execution);

  using Design = Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>;
  const Design& design() const { return design_; }

  /// Points are B, column by column, log l_11, l_21 and log l_22, with Gamma = l l'.
  AbePopulation at(const Eigen::VectorXd& point) const;

  /// Log density of a point, up to a constant; -inf where it has none.
  double log_density(const Eigen::VectorXd& point, const Execution& execution) const;

  /// The prior's part of it.
  double log_prior(const AbePopulation& population) const;

  /// Looks for the mode from a regression of rough rates, by Newton's steps from differences,
  /// damped where the density is not concave. What it finds only guides proposals: nothing needs it
  /// to be exact. Throws InvalidInput where it would start from rates beyond all bounds.
  void find_mode(const Execution& execution);
  const Eigen::VectorXd& mode() const { return mode_; }
  /// A covariance about the mode.
  const Eigen::MatrixXd& spread() const { return spread_; }

 private:
  Design design_;
  Eigen::MatrixXd mean_, precision_, scale_;
  double degrees_ = 0.0;
  std::optional<AbeMarginal> marginal_;  ///< of customers that are valid
  Eigen::VectorXd mode_;
  Eigen::MatrixXd spread_;
};

}  // namespace tenure::clv
