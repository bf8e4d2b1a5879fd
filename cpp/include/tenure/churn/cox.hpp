#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/cox_data.hpp"
#include "tenure/churn/cox_likelihood.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn {

enum class CoxMethod : std::uint8_t { breslow, efron, exact };

enum class CoxStatus : std::uint8_t {
  converged,
  max_iterations,  ///< the budget ran out first
  stalled,         ///< no step raises the likelihood, yet the Newton step is not small
  monotone,        ///< the likelihood rises for ever along `direction`: no finite estimate exists
  unidentified,    ///< the information at 0 is singular: see `unidentified`
};

const char* cox_status_name(CoxStatus status);

struct CoxSettings {
  CoxMethod ties = CoxMethod::efron;
  bool firth = false;  ///< adds half the logarithm of the determinant of the information
  std::int64_t max_iterations = 50;
  double tolerance = 1e-8;  ///< of the last Newton step, in standard deviations of a column
};

/// In columns centred and scaled as in CoxData.
struct CoxFit {
  CoxStatus status = CoxStatus::stalled;
  std::vector<double> beta;          ///< p
  std::vector<double> covariance;    ///< p x p: inverse of the information; NaN where singular
  double log_likelihood = 0.0;       ///< without the penalty
  double null_log_likelihood = 0.0;  ///< at beta = 0
  double penalised = 0.0;            ///< log_likelihood, with the penalty if any
  double null_penalised = 0.0;
  double score_test = 0.0;  ///< U(0)' I(0)^-1 U(0)
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;     ///< largest |score| / weight that churned
  std::vector<double> direction;  ///< p, of a monotone likelihood; largest component 1
  /// p x p projection on what the data do not identify; zero unless `unidentified`.
  std::vector<double> unidentified;
};

/// Maximum of the partial likelihood by Newton's method from 0, with step halving.
///
/// Before the first step the information at 0, scaled to a unit diagonal, must have no eigenvalue
/// below 1e-11. Along the way, a step that barely raises the likelihood yet moves the linear
/// predictor is tested as a direction of recession: where at each time all who churn have the
/// largest x'direction of those at risk, the likelihood has no maximum. [Bryson & Johnson 1981,
/// Technometrics 23:381-383] Firth's penalty always has one. [Heinze & Schemper 2001, Biometrics
/// 57:114-119]
///
/// Cost: an evaluation of `CoxLikelihood` (5 or so) and O(p^3) each; exact ties: see cox_exact.hpp.
/// Same bits for every thread count. Throws InvalidInput if nobody churned.
CoxFit fit_cox(const CoxData& data, const CoxSettings& settings, const Execution& execution = {});

}  // namespace tenure::churn
