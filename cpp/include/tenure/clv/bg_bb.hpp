#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/clv/derivatives.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/purchase_opportunities.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// The beta-geometric/beta-binomial model [Fader, Hardie & Shang 2010, Marketing Science
/// 29:1086-1108]: at each opportunity a customer who is still one leaves for good with probability
/// theta ~ beta(gamma, delta), and otherwise buys with probability p ~ beta(alpha, beta). Formulas:
/// docs/methods/bg_bb.md.
namespace tenure::clv {

struct BgBbParameters {
  double alpha, beta, gamma, delta;  ///< all within 1e-100 to 1e100
};

/// Throws InvalidInput naming the parameter.
void require_valid(const BgBbParameters& parameters);

/// Sum of weight * log L(alpha, beta, gamma, delta | x, t_x, n) [eq. 5], with gradient and Hessian
/// in the logs of the parameters. O(n) for each distinct pair (x, n), whatever the recencies, plus
/// O(cells). Same bits for any thread count.
Derivatives<4> bg_bb_derivatives(const BgBbParameters& parameters, const OpportunityCells& cells,
                                 const Execution& execution);

/// The same for rows as they are.
Derivatives<4> bg_bb_log_likelihood(const BgBbParameters& parameters,
                                    const PurchaseOpportunities& purchases,
                                    const Execution& execution);

/// log L of each row by itself; weights do not matter.
Buffer<double> bg_bb_row_log_likelihood(const BgBbParameters& parameters,
                                        const PurchaseOpportunities& purchases,
                                        const Execution& execution);

/// Maximum likelihood; parameters alpha, beta, gamma, delta, on all of which the penalty acts.
Fit fit_bg_bb(const PurchaseOpportunities& purchases, const FitOptions& options,
              const Execution& execution);

/// log(P / (1 - P)) of P(alive at opportunity n + ahead) [eq. 11 for ahead = 1]; +inf for a
/// customer who bought at opportunity n and ahead = 0. Throws InvalidInput unless `ahead` is whole,
/// 0 to kLongestHorizon.
Buffer<double> bg_bb_log_odds_alive(const BgBbParameters& parameters,
                                    const PurchaseOpportunities& purchases, double ahead,
                                    const Execution& execution);

/// The same as a probability.
Buffer<double> bg_bb_probability_alive(const BgBbParameters& parameters,
                                       const PurchaseOpportunities& purchases, double ahead,
                                       const Execution& execution);

inline constexpr double kLongestHorizon = 1e6;     ///< of those that end, in opportunities
inline constexpr double kSmallestDiscount = 1e-6;  ///< of those that do not, but for 0

/// Expected purchases at the opportunities n + 1, ..., n + horizon given each history [eqs. 13 and
/// 14], that at n + j discounted by (1 + discount)^-j. The horizon is whole, at most
/// kLongestHorizon, or infinite with a discount of at least kSmallestDiscount or gamma > 1. A sum
/// of positive terms: O(terms) for each distinct n, with about 40 / discount terms for ever.
Buffer<double> bg_bb_expected_purchases(const BgBbParameters& parameters,
                                        const PurchaseOpportunities& purchases, double horizon,
                                        double discount, const Execution& execution);

/// Expected purchases of a customer just acquired at the first `opportunities` ones [eq. 9].
Buffer<double> bg_bb_expected_purchases_new(const BgBbParameters& parameters,
                                            std::span<const double> opportunities,
                                            const Execution& execution);

/// P(X(opportunities) = count) of a customer just acquired [eq. 8]; counts whole and >= 0.
/// O(opportunities) for each.
Buffer<double> bg_bb_pmf(const BgBbParameters& parameters, std::span<const double> count,
                         double opportunities, const Execution& execution);

/// P(`count` purchases at the opportunities n + 1, ..., n + horizon) given each history [eq. 12].
Buffer<double> bg_bb_conditional_pmf(const BgBbParameters& parameters,
                                     const PurchaseOpportunities& purchases, double count,
                                     double horizon, const Execution& execution);

/// P(a purchase at one of the opportunities n + 1, ..., n + horizon) given each history: a sum of
/// positive terms over the opportunity of the first. O(horizon) for each distinct x and n.
Buffer<double> bg_bb_purchase_probability(const BgBbParameters& parameters,
                                          const PurchaseOpportunities& purchases, double horizon,
                                          const Execution& execution);

/// Quantiles of the number of purchases at the next `horizon` opportunities: the smallest count
/// with P(X <= count) >= level, for each of the ascending `levels` in (0, 1); customer after
/// customer. O(horizon) for each count up to the largest, and each distinct x and n.
Buffer<double> bg_bb_purchase_quantiles(const BgBbParameters& parameters,
                                        const PurchaseOpportunities& purchases, double horizon,
                                        std::span<const double> levels, const Execution& execution);

/// The first opportunity after n by which the customer has bought again with probability `level`;
/// infinite where none of the next kLongestHorizon is. O(result) for each distinct x and n.
Buffer<double> bg_bb_time_to_purchase(const BgBbParameters& parameters,
                                      const PurchaseOpportunities& purchases, double level,
                                      const Execution& execution);

/// The first opportunity from n on at which P(alive) has fallen to `probability`, without a
/// purchase until then: 0 where it is as low already, infinite where none of the next
/// kLongestHorizon is. O(result) for each distinct row.
Buffer<double> bg_bb_time_to_lapse(const BgBbParameters& parameters,
                                   const PurchaseOpportunities& purchases, double probability,
                                   const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 purchases, each customer over an
/// own n; the last element holds all the others.
std::vector<double> bg_bb_frequency_counts(const BgBbParameters& parameters,
                                           std::span<const double> number,
                                           std::optional<std::span<const double>> weight,
                                           std::int64_t frequencies, const Execution& execution);

}  // namespace tenure::clv
