#pragma once
#include <span>

#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// What each customer will do from the end of observation on, as a distribution, for clv::BgNbd,
/// clv::Cnbd, clv::CorrelatedParetoNbd, clv::GGompertzNbd, clv::MbgNbd, clv::Nbd and
/// clv::ParetoNbd: somebody alive is again a new customer with other parameters, and, in clv::Cnbd,
/// somewhere between two purchases. Formulas: docs/methods/outlook.md. All throw InvalidInput for
/// parameters, rows and arguments outside of their range, and return the same bits for any thread
/// count.
namespace tenure::clv {

/// P(count purchases in (T, T + horizon] | history), one count for each customer.
template <class Model>
Buffer<double> purchase_pmf(const typename Model::Parameters& parameters,
                            const RepeatPurchases& purchases, std::span<const double> count,
                            double horizon, const Execution& execution);

/// P(at least one purchase in (T, T + horizon] | history).
template <class Model>
Buffer<double> purchase_probability(const typename Model::Parameters& parameters,
                                    const RepeatPurchases& purchases, double horizon,
                                    const Execution& execution);

/// Quantiles of the number of purchases in (T, T + horizon]: the smallest n with P(X <= n) >=
/// level, for each of the ascending `levels` in (0, 1); customer after customer.
template <class Model>
Buffer<double> purchase_quantiles(const typename Model::Parameters& parameters,
                                  const RepeatPurchases& purchases, double horizon,
                                  std::span<const double> levels, const Execution& execution);

/// Quantile of the time from T to the next purchase; infinite where even that one purchase more is
/// less probable than `level`.
template <class Model>
Buffer<double> time_to_purchase(const typename Model::Parameters& parameters,
                                const RepeatPurchases& purchases, double level,
                                const Execution& execution);

/// Time from T on after which P(alive) has fallen to `probability` if there is no purchase until
/// then; 0 where it is as low already, infinite where it never falls.
template <class Model>
Buffer<double> time_to_lapse(const typename Model::Parameters& parameters,
                             const RepeatPurchases& purchases, double probability,
                             const Execution& execution);

/// log(p / (1 - p)) of p = P(alive at T + ahead | history).
template <class Model>
Buffer<double> log_odds_alive_later(const typename Model::Parameters& parameters,
                                    const RepeatPurchases& purchases, double ahead,
                                    const Execution& execution);

}  // namespace tenure::clv
