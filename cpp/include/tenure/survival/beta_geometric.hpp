#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/optim/newton.hpp"
#include "tenure/survival/renewals.hpp"

/// The shifted beta-geometric model of contracts renewed at whole ages t = 1, 2, ...: a customer
/// leaves at each renewal with an own constant probability theta, and theta ~ Beta(alpha, beta)
/// over customers. [Fader & Hardie 2007, Journal of Interactive Marketing 21(1):76-90]
///
///     P(T = t) = B(alpha + 1, beta + t - 1) / B(alpha, beta)            [eq. 5]
///     S(t)     = B(alpha, beta + t) / B(alpha, beta)                    [eq. 6]
///     r(t)     = S(t) / S(t - 1) = (beta + t - 1) / (alpha + beta + t - 1)   [eq. 8]
///
/// Formulas of this page and their numerics: docs/methods/projection.md.
namespace tenure::survival {

/// What happened at ages 1, 2, ..., of all cohorts together: a customer under contract before age t
/// is lost or kept at t, or was not observed there. Weighted sums of customers, finite and >= 0.
struct RenewalCounts {
  std::span<const double> lost;
  std::span<const double> kept;
};

/// sum_t lost_t log(1 - r(t)) + kept_t log r(t), which is the log-likelihood of all customers, each
/// followed as long as observed [eqs. 5 and 6 by products of r]; gradient and Hessian in (log
/// alpha, log beta). Elementary logarithms only. O(ages). Throws InvalidInput for counts that are
/// not finite or < 0, unequal lengths, and parameters out of range.
optim::Evaluation beta_geometric_log_likelihood(const BetaGeometric& at,
                                                const RenewalCounts& counts);

struct BetaGeometricFit {
  BetaGeometric parameters{};
  std::array<double, 4> log_covariance{};  ///< of (log alpha, log beta); NaN unless definite
  double log_likelihood = 0.0;
  optim::Status status = optim::Status::stalled;
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;  ///< of the mean log-likelihood of a customer-age
};

/// Maximum likelihood by Newton in (log alpha, log beta). Status `boundary` where the likelihood
/// keeps rising towards one churn probability for all (alpha, beta -> infinity), or towards
/// customers who leave at once or never (alpha, beta -> 0).
///
/// Throws InvalidInput if nobody was lost, nobody was kept, or fewer than two ages were observed:
/// then the two parameters are not identified.
BetaGeometricFit fit_beta_geometric(const RenewalCounts& counts,
                                    const optim::NewtonOptions& options = {});

/// S(to) / S(from) for from <= to, whole ages >= 0, with the standard error of its log odds by the
/// delta method from the covariance of the log parameters.
struct SurvivalRatio {
  double value;
  double logit_error;  ///< NaN where the covariance is; 0 where the ratio is 1
};

/// Constant cost. Throws InvalidInput for ages out of order or above 2^20.
SurvivalRatio beta_geometric_survival(const BetaGeometric& at,
                                      std::span<const double, 4> log_covariance, std::int64_t from,
                                      std::int64_t to);

/// Logistic limits of a share: logit^-1(logit p -+ z error). {1, 1} for p = 1.
std::array<double, 2> logit_limits(double share, double logit_error, double z);

}  // namespace tenure::survival
