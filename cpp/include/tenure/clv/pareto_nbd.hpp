#pragma once
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

/// The Pareto/NBD model [Schmittlein, Morrison & Colombo 1987, Management Science 33:1-24]:
/// purchases of a customer follow a Poisson process of rate lambda ~ gamma(r, rate alpha), who
/// leaves for good after an exponential time of rate mu ~ gamma(s, rate beta). Formulas:
/// docs/methods/pareto_nbd.md.
namespace tenure::clv {

struct ParetoNbdParameters {
  double r, alpha, s, beta;  ///< all finite and > 0; alpha and beta in the unit of time of the data
};

/// Throws InvalidInput naming the parameter.
void require_valid(const ParetoNbdParameters& parameters);

/// Sum of weight * log L(r, alpha, s, beta | x, t_x, T), with gradient and Hessian in (log r, log
/// alpha, log s, log beta), for a sample of everyone in scaled time: alpha and beta are scaled too.
/// Sees every `stride`-th row of each frequency, weighted up. The Hessian is 0 with Order::first,
/// which takes a quarter less time. O(distinct rows / stride); bounded by arithmetic: a quadrature
/// of 16 to 64 nodes a row. Same bits for any thread count.
Derivatives<4> pareto_nbd_derivatives(const ParetoNbdParameters& parameters,
                                      const PurchaseSample& sample, std::int64_t stride,
                                      const Execution& execution, Order order = Order::second);

/// The same for rows as they are, in their own unit of time.
Derivatives<4> pareto_nbd_log_likelihood(const ParetoNbdParameters& parameters,
                                         const RepeatPurchases& purchases,
                                         const Execution& execution);

/// Maximum likelihood; parameters r, alpha, s, beta. The penalty acts on r, s and on alpha and beta
/// in the unit in which the longest T is 10.
Fit fit_pareto_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                   const Execution& execution);

/// The log-likelihood of these customers in (log r, log alpha, log s, log beta), for repeated
/// evaluation.
PreparedLikelihood prepare_pareto_nbd(const RepeatPurchases& purchases, const Execution& execution);

/// log(P(alive) / (1 - P(alive))) of each customer.
Buffer<double> pareto_nbd_log_odds_alive(const ParetoNbdParameters& parameters,
                                         const RepeatPurchases& purchases,
                                         const Execution& execution);

/// P(alive | x, t_x, T).
Buffer<double> pareto_nbd_probability_alive(const ParetoNbdParameters& parameters,
                                            const RepeatPurchases& purchases,
                                            const Execution& execution);

/// Expected purchases in (T, T + horizon] given each history, each discounted by exp(-rate * time
/// after T). With a rate > 0 the horizon may be infinite.
Buffer<double> pareto_nbd_expected_purchases(const ParetoNbdParameters& parameters,
                                             const RepeatPurchases& purchases, double horizon,
                                             double discount_rate, const Execution& execution);

/// Expected repeat purchases of a customer just acquired within each time.
Buffer<double> pareto_nbd_expected_purchases_new(const ParetoNbdParameters& parameters,
                                                 std::span<const double> time,
                                                 const Execution& execution);

/// P(X(time) = count) of a customer just acquired; counts whole and >= 0.
Buffer<double> pareto_nbd_pmf(const ParetoNbdParameters& parameters, std::span<const double> count,
                              double time, const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 repeat purchases, each customer
/// over an own T; the last element holds all the others.
std::vector<double> pareto_nbd_frequency_counts(const ParetoNbdParameters& parameters,
                                                std::span<const double> age,
                                                std::optional<std::span<const double>> weight,
                                                std::int64_t frequencies,
                                                const Execution& execution);

/// The model by name, for whoever treats all models of repeat purchases alike.
struct ParetoNbd {
  static constexpr const char* kName = "pareto_nbd";
  using Parameters = ParetoNbdParameters;
  static constexpr auto fit = fit_pareto_nbd;
  static constexpr auto prepare = prepare_pareto_nbd;
  static constexpr auto log_likelihood = pareto_nbd_log_likelihood;
  static constexpr auto probability_alive = pareto_nbd_probability_alive;
  static constexpr auto log_odds_alive = pareto_nbd_log_odds_alive;
  static constexpr auto expected_purchases = pareto_nbd_expected_purchases;
  static constexpr auto expected_purchases_new = pareto_nbd_expected_purchases_new;
  static constexpr auto pmf = pareto_nbd_pmf;
  static constexpr auto frequency_counts = pareto_nbd_frequency_counts;
};

}  // namespace tenure::clv
