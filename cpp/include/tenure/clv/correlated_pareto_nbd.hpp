#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/clv/derivatives.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/prepared.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// The Pareto/NBD model with rates of purchase and of leaving that go together: their density is
/// that of Sarmanov [1966], as Park & Fader [2004, Marketing Science 23:280-303] use it,
///
///     g(lambda, mu) = gamma(lambda; r, alpha) gamma(mu; s, beta) (1 + m phi(lambda) psi(mu)),
///     phi = exp(-lambda alpha/r) - E[...],  psi = exp(-mu beta/s) - E[...].
///
/// Each kernel is measured in the mean of its rate, so that m is the same in every unit of time.
/// m lies between two limits that depend on r and s [Lee 1996]; the fifth parameter is where in
/// between, odds = (m - lowest) / (highest - m). Formulas: docs/methods/sarmanov.md.
namespace tenure::clv {

struct CorrelatedParetoNbdParameters {
  double r, alpha, s, beta;  ///< as in ParetoNbdParameters
  double odds;               ///< finite and > 0
};

/// Throws InvalidInput naming the parameter.
void require_valid(const CorrelatedParetoNbdParameters& parameters);

/// How the two rates go together, and how far they could.
struct RateCorrelation {
  double m, lowest_m, highest_m;
  double correlation, lowest, highest;  ///< of lambda and mu
};
RateCorrelation rate_correlation(const CorrelatedParetoNbdParameters& parameters);

/// Sum of weight * log L(r, alpha, s, beta, odds | x, t_x, T), with gradient and Hessian in the
/// logarithms of the parameters, for a sample of everyone in scaled time. Sees every `stride`-th
/// row of each frequency, weighted up. Four Pareto/NBD likelihoods a row. Same bits for any thread
/// count. Not finite where the sum of the four comes out of rounding, at odds next to 0 or
/// infinity.
Derivatives<5> correlated_pareto_nbd_derivatives(const CorrelatedParetoNbdParameters& parameters,
                                                 const PurchaseSample& sample, std::int64_t stride,
                                                 const Execution& execution);

/// The same for rows as they are, in their own unit of time.
Derivatives<5> correlated_pareto_nbd_log_likelihood(const CorrelatedParetoNbdParameters& parameters,
                                                    const RepeatPurchases& purchases,
                                                    const Execution& execution);

/// Maximum likelihood from the independent rates on; parameters r, alpha, s, beta, odds. The
/// penalty is that of `fit_pareto_nbd`: it does not act on the odds.
Fit fit_correlated_pareto_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                              const Execution& execution);

/// As for the Pareto/NBD model, averaged over the four. O(4) times its cost.
Buffer<double> correlated_pareto_nbd_log_odds_alive(const CorrelatedParetoNbdParameters& parameters,
                                                    const RepeatPurchases& purchases,
                                                    const Execution& execution);
Buffer<double> correlated_pareto_nbd_probability_alive(
    const CorrelatedParetoNbdParameters& parameters, const RepeatPurchases& purchases,
    const Execution& execution);

/// Expected purchases in (T, T + horizon] given each history, each discounted by exp(-rate * time
/// after T). With a rate > 0 the horizon may be infinite.
Buffer<double> correlated_pareto_nbd_expected_purchases(
    const CorrelatedParetoNbdParameters& parameters, const RepeatPurchases& purchases,
    double horizon, double discount_rate, const Execution& execution);

/// Expected repeat purchases of a customer just acquired within each time.
Buffer<double> correlated_pareto_nbd_expected_purchases_new(
    const CorrelatedParetoNbdParameters& parameters, std::span<const double> time,
    const Execution& execution);

/// P(X(time) = count) of a customer just acquired; counts whole and >= 0.
Buffer<double> correlated_pareto_nbd_pmf(const CorrelatedParetoNbdParameters& parameters,
                                         std::span<const double> count, double time,
                                         const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 repeat purchases, each customer
/// over an own T; the last element holds all the others.
std::vector<double> correlated_pareto_nbd_frequency_counts(
    const CorrelatedParetoNbdParameters& parameters, std::span<const double> age,
    std::optional<std::span<const double>> weight, std::int64_t frequencies,
    const Execution& execution);

/// The model by name, for whoever treats all models of repeat purchases alike.
struct CorrelatedParetoNbd {
  static constexpr const char* kName = "correlated_pareto_nbd";
  using Parameters = CorrelatedParetoNbdParameters;
  static constexpr auto fit = fit_correlated_pareto_nbd;
  static constexpr auto log_likelihood = correlated_pareto_nbd_log_likelihood;
  static constexpr auto probability_alive = correlated_pareto_nbd_probability_alive;
  static constexpr auto log_odds_alive = correlated_pareto_nbd_log_odds_alive;
  static constexpr auto expected_purchases = correlated_pareto_nbd_expected_purchases;
  static constexpr auto expected_purchases_new = correlated_pareto_nbd_expected_purchases_new;
  static constexpr auto pmf = correlated_pareto_nbd_pmf;
  static constexpr auto frequency_counts = correlated_pareto_nbd_frequency_counts;
};

}  // namespace tenure::clv
