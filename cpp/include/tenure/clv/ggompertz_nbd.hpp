#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/clv/derivatives.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// The gamma-Gompertz/NBD model [Bemmaor & Glady 2012, Management Science 58:1012-1021]: purchases
/// of a customer follow a Poisson process of rate lambda ~ gamma(r, rate alpha), who leaves for
/// good at the hazard eta b exp(b t), eta ~ gamma(s, rate beta). As b -> 0 with beta/b fixed it is
/// the Pareto/NBD model with that beta. Formulas: docs/methods/ggompertz_nbd.md.
namespace tenure::clv {

struct GGompertzNbdParameters {
  double r, alpha, b, s, beta;  ///< all finite and > 0; alpha in the unit of time, b per that unit
};

/// Throws InvalidInput naming the parameter.
void require_valid(const GGompertzNbdParameters& parameters);

/// Sum of weight * log L(r, alpha, b, s, beta | x, t_x, T), with gradient and Hessian in the logs
/// of the parameters, for rows as they are. O(distinct rows): a quadrature over the time of
/// leaving, of 7 or 15 nodes a panel and one to a few panels a row. Same bits for any thread count.
Derivatives<5> ggompertz_nbd_log_likelihood(const GGompertzNbdParameters& parameters,
                                            const RepeatPurchases& purchases,
                                            const Execution& execution);

/// Maximum likelihood; parameters r, alpha, b, s, beta. Searched in beta/b in place of beta, on
/// which the penalty acts, and on alpha and b, in the unit in which the longest T is 10, r and s.
/// Where the data ask for b = 0 the status is boundary, and beta/b is what they tell.
Fit fit_ggompertz_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                      const Execution& execution);

/// log(P(alive) / (1 - P(alive))) of each customer; +inf where the last purchase was at T.
Buffer<double> ggompertz_nbd_log_odds_alive(const GGompertzNbdParameters& parameters,
                                            const RepeatPurchases& purchases,
                                            const Execution& execution);

/// P(alive | x, t_x, T).
Buffer<double> ggompertz_nbd_probability_alive(const GGompertzNbdParameters& parameters,
                                               const RepeatPurchases& purchases,
                                               const Execution& execution);

/// Expected purchases in (T, T + horizon] given each history, each discounted by exp(-rate * time
/// after T), rate >= 0. The horizon may be infinite: lifetimes are short-tailed.
Buffer<double> ggompertz_nbd_expected_purchases(const GGompertzNbdParameters& parameters,
                                                const RepeatPurchases& purchases, double horizon,
                                                double discount_rate, const Execution& execution);

/// Expected repeat purchases of a customer just acquired within each time.
Buffer<double> ggompertz_nbd_expected_purchases_new(const GGompertzNbdParameters& parameters,
                                                    std::span<const double> time,
                                                    const Execution& execution);

/// P(X(time) = count) of a customer just acquired; counts whole and >= 0.
Buffer<double> ggompertz_nbd_pmf(const GGompertzNbdParameters& parameters,
                                 std::span<const double> count, double time,
                                 const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 repeat purchases, each customer
/// over an own T; the last element holds all the others.
std::vector<double> ggompertz_nbd_frequency_counts(const GGompertzNbdParameters& parameters,
                                                   std::span<const double> age,
                                                   std::optional<std::span<const double>> weight,
                                                   std::int64_t frequencies,
                                                   const Execution& execution);

/// The model by name, for whoever treats all models of repeat purchases alike.
struct GGompertzNbd {
  static constexpr const char* kName = "ggompertz_nbd";
  using Parameters = GGompertzNbdParameters;
  static constexpr auto fit = fit_ggompertz_nbd;
  static constexpr auto log_likelihood = ggompertz_nbd_log_likelihood;
  static constexpr auto probability_alive = ggompertz_nbd_probability_alive;
  static constexpr auto log_odds_alive = ggompertz_nbd_log_odds_alive;
  static constexpr auto expected_purchases = ggompertz_nbd_expected_purchases;
  static constexpr auto expected_purchases_new = ggompertz_nbd_expected_purchases_new;
  static constexpr auto pmf = ggompertz_nbd_pmf;
  static constexpr auto frequency_counts = ggompertz_nbd_frequency_counts;
};

}  // namespace tenure::clv
