#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/clv/derivatives.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/prepared.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// The BG/NBD model [Fader, Hardie & Lee 2005, Marketing Science 24:275-284]: purchases of a
/// customer follow a Poisson process of rate lambda ~ gamma(r, rate alpha); after each repeat
/// purchase the customer leaves for good with probability p ~ beta(a, b). Formulas:
/// docs/methods/bg_nbd.md.
namespace tenure::clv {

struct BgNbdParameters {
  double r, alpha, a, b;  ///< all finite and > 0; alpha in the unit of time of the data
};

/// Throws InvalidInput naming the parameter.
void require_valid(const BgNbdParameters& parameters);

/// Sum of weight * log L(r, alpha, a, b | x, t_x, T) [eq. 6, in logs], with gradient and Hessian in
/// (log r, log alpha, log a, log b), for a sample in scaled time: `parameters.alpha` is scaled too.
/// Sees every `stride`-th row of each frequency, weighted up. O(distinct rows / stride); bounded by
/// arithmetic. Same bits for any thread count.
Derivatives<4> bg_nbd_derivatives(const BgNbdParameters& parameters, const PurchaseSample& sample,
                                  std::int64_t stride, const Execution& execution);

/// The same for rows as they are, in their own unit of time.
Derivatives<4> bg_nbd_log_likelihood(const BgNbdParameters& parameters,
                                     const RepeatPurchases& purchases, const Execution& execution);

/// Maximum likelihood; parameters r, alpha, a, b. The penalty acts on r, a, b and on alpha in the
/// unit in which the longest T is 10. Not identified without repeat purchases: status boundary.
Fit fit_bg_nbd(const RepeatPurchases& purchases, const FitOptions& options,
               const Execution& execution);

/// The log-likelihood of these customers in (log r, log alpha, log a, log b), for repeated
/// evaluation.
PreparedLikelihood prepare_bg_nbd(const RepeatPurchases& purchases, const Execution& execution);

/// log(P(alive) / (1 - P(alive))) of each customer [Fader, Hardie & Lee 2008, note 021]; +inf for a
/// customer without a repeat purchase, who is alive by construction. Bounded by arithmetic (one
/// log).
Buffer<double> bg_nbd_log_odds_alive(const BgNbdParameters& parameters,
                                     const RepeatPurchases& purchases, const Execution& execution);

/// P(alive | x, t_x, T).
Buffer<double> bg_nbd_probability_alive(const BgNbdParameters& parameters,
                                        const RepeatPurchases& purchases,
                                        const Execution& execution);

/// Expected purchases in (T, T + horizon] given each history [eq. 10], each discounted by
/// exp(-rate * time after T). Positive series and interpolation in T: see docs/methods/bg_nbd.md.
Buffer<double> bg_nbd_expected_purchases(const BgNbdParameters& parameters,
                                         const RepeatPurchases& purchases, double horizon,
                                         double discount_rate, const Execution& execution);

/// Expected repeat purchases of a customer just acquired within each time [eq. 9].
Buffer<double> bg_nbd_expected_purchases_new(const BgNbdParameters& parameters,
                                             std::span<const double> time,
                                             const Execution& execution);

/// P(X(time) = count) of a customer just acquired [eq. 8]; counts whole and >= 0.
Buffer<double> bg_nbd_pmf(const BgNbdParameters& parameters, std::span<const double> count,
                          double time, const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 repeat purchases, each customer
/// over an own T; the last element holds all the others.
std::vector<double> bg_nbd_frequency_counts(const BgNbdParameters& parameters,
                                            std::span<const double> age,
                                            std::optional<std::span<const double>> weight,
                                            std::int64_t frequencies, const Execution& execution);

/// The model by name, for whoever treats all models of repeat purchases alike.
struct BgNbd {
  static constexpr const char* kName = "bg_nbd";
  using Parameters = BgNbdParameters;
  static constexpr auto fit = fit_bg_nbd;
  static constexpr auto prepare = prepare_bg_nbd;
  static constexpr auto log_likelihood = bg_nbd_log_likelihood;
  static constexpr auto probability_alive = bg_nbd_probability_alive;
  static constexpr auto log_odds_alive = bg_nbd_log_odds_alive;
  static constexpr auto expected_purchases = bg_nbd_expected_purchases;
  static constexpr auto expected_purchases_new = bg_nbd_expected_purchases_new;
  static constexpr auto pmf = bg_nbd_pmf;
  static constexpr auto frequency_counts = bg_nbd_frequency_counts;
};

}  // namespace tenure::clv
