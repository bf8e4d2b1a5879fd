#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/clv/fit.hpp"
#include "tenure/clv/prepared.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/survival/renewals.hpp"

/// Customers under contracts that are renewed, period after period, until they are not: fits of the
/// models of survival/renewals.hpp and what they say of the lifetime to come. Formulas:
/// docs/methods/shifted_beta_geometric.md and beta_discrete_weibull.md.
namespace tenure::clv {

/// One row a customer, or so many alike as the weight says: `renewals` whole periods renewed, then
/// lost at the next renewal (`churned`), or still there. Such a row has probability S(n) - S(n +
/// 1), or S(n). Views: nothing is copied.
struct RenewalHistory {
  std::span<const double> renewals;  ///< whole numbers from 0 to 2^20
  std::span<const std::uint8_t> churned;
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0; absent: 1 for every row
};

/// The same customers as a likelihood needs them: between each two ages at which something was
/// seen, how many were kept and lost. At most two intervals for each distinct number of renewals.
struct RenewalSample {
  std::vector<survival::RenewalInterval> intervals;
  double customers = 0.0, kept = 0.0, lost = 0.0;  ///< kept and lost: customer-renewals
  std::int64_t renewals = 0;                       ///< the last renewal that somebody was seen at
};

/// O(rows + largest number of renewals). Throws InvalidInput for the lowest bad row, spans of
/// unequal length, no rows, and if all weights are 0.
RenewalSample sample_renewals(const RenewalHistory& history, const Execution& execution);

/// Sum of weight * log L with gradient and Hessian in the logarithms of the parameters.
template <class Model>
optim::Evaluation contract_log_likelihood(const Model& at, const RenewalHistory& history,
                                          const Execution& execution) {
  return survival::renewal_log_likelihood(at, sample_renewals(history, execution).intervals);
}

/// Maximum likelihood from several starts, the best of which counts: BetaGeometric (alpha, beta),
/// BetaWeibull (alpha, beta, c) and DiscreteWeibull (rate, c); the penalty acts on these. Status
/// `boundary` where the likelihood is highest for customers who are all alike, or who leave at once
/// or never. O(intervals) an evaluation.
///
/// Throws InvalidInput where the data cannot tell the parameters: nobody was lost or nobody kept,
/// or fewer renewals were seen than there are parameters.
template <class Model>
Fit fit_contract(const RenewalHistory& history, const FitOptions& options,
                 const Execution& execution);

/// The log-likelihood of these customers in the logarithms of the parameters, for repeated
/// evaluation: of BetaGeometric or BetaWeibull. Also where the data alone cannot tell the
/// parameters: a prior may.
template <class Model>
PreparedLikelihood prepare_contract(const RenewalHistory& history, const Execution& execution);

/// log(q / (1 - q)) of the share q = S(n + k) / S(n) that k more renewals leave of those with n.
template <class Model>
Buffer<double> contract_log_odds(const Model& at, std::span<const double> renewals,
                                 std::span<const double> ahead, const Execution& execution);

enum class ResidualQuantity : std::uint8_t {
  lifetime,   ///< sum over k = 1, ..., horizon of v^(k-1) S(n + k) / S(n)
  elasticity  ///< sum of k v^(k-1) S(n + k) / S(n), divided by the lifetime
};

/// What is expected of customers with n renewals who are still there, valued at the moment before
/// the next renewal: each renewal counts 1, discounted by v = exp(-rate) a period. [Fader & Hardie
/// 2010, Marketing Science 29:85-93, eq. 5.] `horizon` counts renewals and may be infinite. The
/// elasticity is d log lifetime / d log r, if all retention probabilities r to come grow alike.
///
/// Sums term by term while terms change by more than 1 % each; beyond, the Euler-Maclaurin formula
/// with the integral over the logarithm of time, so that a sum without discount costs no more.
/// Relative error below 1e-11. Infinite where the sum diverges: without discount for
/// alpha c <= 1 (elasticity: 2). Some hundred to some thousand terms a row; without a horizon rows
/// in ascending order follow from the row after them, so that all ages cost little more than one.
///
/// Throws InvalidInput for renewals that are no whole numbers from 0 to 2^20, a rate < 0 and a
/// horizon that is no whole number >= 1 and not infinite.
template <class Model>
Buffer<double> contract_residual(const Model& at, std::span<const double> renewals, double rate,
                                 double horizon, ResidualQuantity quantity,
                                 const Execution& execution);

/// Sum over t = 0, ..., horizon of v^t S(t): a customer who has just signed, the first payment at
/// once.
template <class Model>
double contract_lifetime(const Model& at, double rate, double horizon);

}  // namespace tenure::clv
