#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/derivatives.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/one_time_buyers.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// The BG/CNBD-k and MBG/CNBD-k models [Platzer & Reutterer 2016, Marketing Science 35:779-799;
/// Reutterer, Platzer & Schroeder 2021, International Journal of Research in Marketing 38:194-215]:
/// BG/NBD and MBG/NBD for customers who buy regularly. Times between purchases are Erlang-k: the
/// sum of k exponential ones of rate lambda ~ gamma(r, rate alpha). With k = 1 they are BG/NBD and
/// MBG/NBD. Formulas: docs/methods/cnbd.md.
namespace tenure::clv {

inline constexpr int kLargestShape = 12;

/// Which of the models: k, and whether customers may leave after the first purchase too (MBG).
struct CnbdModel {
  int shape = 1;  ///< k: 1 to kLargestShape
  OneTimeBuyers who = OneTimeBuyers::stay;
};

/// A model at its parameters.
struct CnbdPoint {
  CnbdModel model;
  BgNbdParameters parameters;
};

/// Throws InvalidInput for a shape out of range, and naming the parameter.
void require_valid(const CnbdPoint& point);

/// Sum of weight * log L(r, alpha, a, b | x, t_x, T, log_gaps), with gradient and Hessian in the
/// logs of the parameters. `log_gaps` are sums of ln(time between consecutive purchases) a
/// customer, in the unit of the other times; they add a constant, and are not needed for k = 1. O(k
/// distinct rows); bounded by arithmetic. Same bits for any thread count. Throws InvalidInput for a
/// bad row or parameter, a shape out of range and, for k > 1, where log_gaps are absent.
Derivatives<4> cnbd_log_likelihood(const CnbdModel& model, const BgNbdParameters& parameters,
                                   const RepeatPurchases& purchases,
                                   std::optional<std::span<const double>> log_gaps,
                                   const Execution& execution);

struct CnbdFit {
  Fit fit;
  int shape = 1;
  std::vector<double> log_likelihoods;  ///< of the shapes that were tried, ascending in shape
};

/// Maximum likelihood; parameters r, alpha, a, b. `shape` absent: the most likely of 1, 2, ...,
/// kLargestShape, of which no more are tried once two in turn were less likely than the one before.
/// Penalty and status as in `fit_bg_nbd`.
CnbdFit fit_cnbd(OneTimeBuyers who, std::optional<int> shape, const RepeatPurchases& purchases,
                 std::optional<std::span<const double>> log_gaps, const FitOptions& options,
                 const Execution& execution);

/// log(P(alive) / (1 - P(alive))); +inf for a customer who cannot have left.
Buffer<double> cnbd_log_odds_alive(const CnbdModel& model, const BgNbdParameters& parameters,
                                   const RepeatPurchases& purchases, const Execution& execution);

/// P(alive | x, t_x, T).
Buffer<double> cnbd_probability_alive(const CnbdModel& model, const BgNbdParameters& parameters,
                                      const RepeatPurchases& purchases, const Execution& execution);

/// Expected purchases in (T, T + horizon] given each history, each discounted by exp(-rate * time
/// after T): the mean over the parts of the running time between purchases that may have passed at
/// T, each an exact series of positive terms. Relative error about 1e-13 without a discount, below
/// 1e-10 with one, which is a quadrature over the horizon. O(k (rows + 20 to 80 evaluations a
/// distinct x)). The horizon may be infinite where rate > 0, or rate = 0 and a > 1.
Buffer<double> cnbd_expected_purchases(const CnbdModel& model, const BgNbdParameters& parameters,
                                       const RepeatPurchases& purchases, double horizon,
                                       double discount_rate, const Execution& execution);

/// Expected repeat purchases of a customer just acquired within each time.
Buffer<double> cnbd_expected_purchases_new(const CnbdModel& model,
                                           const BgNbdParameters& parameters,
                                           std::span<const double> time,
                                           const Execution& execution);

/// P(X(time) = count) of a customer just acquired; counts whole and >= 0.
Buffer<double> cnbd_pmf(const CnbdModel& model, const BgNbdParameters& parameters,
                        std::span<const double> count, double time, const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 repeat purchases, each customer
/// over an own T; the last element holds all the others.
std::vector<double> cnbd_frequency_counts(const CnbdModel& model, const BgNbdParameters& parameters,
                                          std::span<const double> age,
                                          std::optional<std::span<const double>> weight,
                                          std::int64_t frequencies, const Execution& execution);

/// The models by name, for whoever treats all models of repeat purchases alike.
struct Cnbd {
  using Parameters = CnbdPoint;
  static Buffer<double> probability_alive(const CnbdPoint& p, const RepeatPurchases& purchases,
                                          const Execution& execution) {
    return cnbd_probability_alive(p.model, p.parameters, purchases, execution);
  }
  static Buffer<double> log_odds_alive(const CnbdPoint& p, const RepeatPurchases& purchases,
                                       const Execution& execution) {
    return cnbd_log_odds_alive(p.model, p.parameters, purchases, execution);
  }
  static Buffer<double> expected_purchases(const CnbdPoint& p, const RepeatPurchases& purchases,
                                           double horizon, double discount_rate,
                                           const Execution& execution) {
    return cnbd_expected_purchases(p.model, p.parameters, purchases, horizon, discount_rate,
                                   execution);
  }
};

}  // namespace tenure::clv
