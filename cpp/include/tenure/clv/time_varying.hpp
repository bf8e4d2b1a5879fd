#pragma once
#include <cstdint>
#include <span>

#include "tenure/clv/fit.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/optim/result.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// Covariates that change over time, constant within calendar periods of one length: purchases of a
/// customer come at the rate lambda e^(g'x(t)), and in the Pareto/NBD model the customer leaves at
/// the rate mu e^(h'y(t)). [Bachmann, Meierer & Naef 2021, Marketing Science 40:783-809] Formulas:
/// docs/methods/time_varying_covariates.md.
namespace tenure::clv {

/// The periods of each customer are consecutive rows of a design, which customers may share. Views;
/// times in the unit of the purchases.
struct CovariatePeriods {
  std::span<const double> design;             ///< periods x columns, by rows; finite
  std::int64_t columns = 0;                   ///< >= 1
  double length = 1.0;                        ///< of a period, > 0
  std::span<const std::int64_t> first;        ///< by customer: row that holds the first purchase
  std::span<const std::int64_t> end;          ///< by customer: behind the last row that is known
  std::span<const double> phase;              ///< from the start of that row to the first purchase
  std::span<const double> at_purchases;       ///< customers x columns: sum over repeat purchases
  std::span<const std::int64_t> by_purchase;  ///< column of each coefficient of purchases
  std::span<const std::int64_t> by_dropout;   ///< column of each coefficient of dropout

  std::int64_t coefficients() const { return std::ssize(by_purchase) + std::ssize(by_dropout); }
  std::int64_t rows() const { return columns > 0 ? std::ssize(design) / columns : 0; }
};

enum class TimeVaryingModel : std::uint8_t {
  pareto_nbd,  ///< parameters r, alpha, s, beta
  bg_nbd,      ///< parameters r, alpha, a, b; coefficients of purchases only
};

/// Throws InvalidInput for spans that do not fit together, for a value of the design that is not
/// finite, and for the lowest customer whose periods end before T + `ahead`.
void require_valid(const CovariatePeriods& periods, const RepeatPurchases& purchases, double ahead,
                   const Execution& execution);

/// Sum of weight * log L with gradient and Hessian in the logarithms of the four parameters, then
/// in the coefficients of purchases and of dropout. The density of purchases at their instants:
/// with all coefficients 0 it is that of the model without covariates. O(periods (nodes + k^2))
/// for k coordinates; in the Pareto/NBD model each period in which the customer may have left is a
/// quadrature of 3 to 64 nodes. Same bits for any thread count. Throws InvalidInput as the
/// `require_valid`s do, and where e^(g'x) is beyond 1e-260 or 1e260, as predictions do.
optim::Evaluation time_varying_log_likelihood(TimeVaryingModel model,
                                              std::span<const double> parameters,
                                              std::span<const double> coefficients,
                                              const RepeatPurchases& purchases,
                                              const CovariatePeriods& periods,
                                              const Execution& execution);

/// Maximum likelihood from `start`, the parameters of the model without covariates, and
/// coefficients of 0; columns should be about centred and of spread 1. As `fit_with_covariates`.
Fit fit_time_varying(TimeVaryingModel model, std::span<const double> start,
                     const RepeatPurchases& purchases, const CovariatePeriods& periods,
                     const FitOptions& options, const Execution& execution);

/// log(P(alive) / (1 - P(alive))) at T; infinite for a BG/NBD customer without repeat purchases.
Buffer<double> time_varying_log_odds_alive(TimeVaryingModel model,
                                           std::span<const double> parameters,
                                           std::span<const double> coefficients,
                                           const RepeatPurchases& purchases,
                                           const CovariatePeriods& periods,
                                           const Execution& execution);

/// Expected purchases in (T, T + horizon] given each history, each discounted by exp(-rate * time
/// after T). The periods must reach T + horizon, which is finite.
Buffer<double> time_varying_expected_purchases(TimeVaryingModel model,
                                               std::span<const double> parameters,
                                               std::span<const double> coefficients,
                                               const RepeatPurchases& purchases,
                                               const CovariatePeriods& periods, double horizon,
                                               double discount_rate, const Execution& execution);

}  // namespace tenure::clv
