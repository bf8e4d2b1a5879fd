#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/derivatives.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/prepared.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// The MBG/NBD model [Batislam, Denizel & Filiztekin 2007, International Journal of Research in
/// Marketing 24:201-209]: like the BG/NBD model, but customers may leave after the first purchase
/// too. Formulas: docs/methods/mbg_nbd.md.
namespace tenure::clv {

using MbgNbdParameters = BgNbdParameters;

/// Sum of weight * log L(r, alpha, a, b | x, t_x, T), with gradient and Hessian in the logs of the
/// parameters. O(distinct rows); bounded by arithmetic. Same bits for any thread count.
Derivatives<4> mbg_nbd_log_likelihood(const MbgNbdParameters& parameters,
                                      const RepeatPurchases& purchases, const Execution& execution);

/// Maximum likelihood; parameters r, alpha, a, b. The penalty acts on r, a, b and on alpha in the
/// unit in which the longest T is 10. Not identified without repeat purchases: status boundary.
Fit fit_mbg_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                const Execution& execution);

/// The log-likelihood of these customers in (log r, log alpha, log a, log b), for repeated
/// evaluation.
PreparedLikelihood prepare_mbg_nbd(const RepeatPurchases& purchases, const Execution& execution);

/// log(P(alive) / (1 - P(alive))) of each customer.
Buffer<double> mbg_nbd_log_odds_alive(const MbgNbdParameters& parameters,
                                      const RepeatPurchases& purchases, const Execution& execution);

/// P(alive | x, t_x, T).
Buffer<double> mbg_nbd_probability_alive(const MbgNbdParameters& parameters,
                                         const RepeatPurchases& purchases,
                                         const Execution& execution);

/// Expected purchases in (T, T + horizon] given each history, each discounted by exp(-rate * time
/// after T).
Buffer<double> mbg_nbd_expected_purchases(const MbgNbdParameters& parameters,
                                          const RepeatPurchases& purchases, double horizon,
                                          double discount_rate, const Execution& execution);

/// Expected repeat purchases of a customer just acquired within each time.
Buffer<double> mbg_nbd_expected_purchases_new(const MbgNbdParameters& parameters,
                                              std::span<const double> time,
                                              const Execution& execution);

/// P(X(time) = count) of a customer just acquired; counts whole and >= 0.
Buffer<double> mbg_nbd_pmf(const MbgNbdParameters& parameters, std::span<const double> count,
                           double time, const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 repeat purchases, each customer
/// over an own T; the last element holds all the others.
std::vector<double> mbg_nbd_frequency_counts(const MbgNbdParameters& parameters,
                                             std::span<const double> age,
                                             std::optional<std::span<const double>> weight,
                                             std::int64_t frequencies, const Execution& execution);

/// The model by name, for whoever treats all models of repeat purchases alike.
struct MbgNbd {
  static constexpr const char* kName = "mbg_nbd";
  using Parameters = MbgNbdParameters;
  static constexpr auto fit = fit_mbg_nbd;
  static constexpr auto prepare = prepare_mbg_nbd;
  static constexpr auto log_likelihood = mbg_nbd_log_likelihood;
  static constexpr auto probability_alive = mbg_nbd_probability_alive;
  static constexpr auto log_odds_alive = mbg_nbd_log_odds_alive;
  static constexpr auto expected_purchases = mbg_nbd_expected_purchases;
  static constexpr auto expected_purchases_new = mbg_nbd_expected_purchases_new;
  static constexpr auto pmf = mbg_nbd_pmf;
  static constexpr auto frequency_counts = mbg_nbd_frequency_counts;
};

}  // namespace tenure::clv
