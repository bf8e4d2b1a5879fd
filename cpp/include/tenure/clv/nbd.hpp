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

/// The NBD model [Ehrenberg 1959, Applied Statistics 8:26-41]: purchases of a customer follow a
/// Poisson process of rate lambda ~ gamma(r, rate alpha), and nobody ever leaves. Formulas:
/// docs/methods/nbd.md.
namespace tenure::clv {

struct NbdParameters {
  double r, alpha;  ///< all finite and > 0; alpha in the unit of time of the data
};

/// Throws InvalidInput naming the parameter.
void require_valid(const NbdParameters& parameters);

/// Sum of weight * log(Gamma(r + x)/Gamma(r) alpha^r (alpha + T)^-(r + x)), with gradient and
/// Hessian in (log r, log alpha): the density of the purchase times, as in the models in which
/// customers leave. The chance of x alone has T^x / x! as well, without a parameter. O(distinct x +
/// distinct T); same bits for any thread count.
Derivatives<2> nbd_log_likelihood(const NbdParameters& parameters, const RepeatPurchases& purchases,
                                  const Execution& execution);

/// Maximum likelihood; parameters r, alpha. The penalty acts on r and on alpha in the unit in which
/// the longest T is 10. Not identified where rates do not vary: status boundary.
Fit fit_nbd(const RepeatPurchases& purchases, const FitOptions& options,
            const Execution& execution);

/// The log-likelihood of these customers in (log r, log alpha), for repeated evaluation.
PreparedLikelihood prepare_nbd(const RepeatPurchases& purchases, const Execution& execution);

/// 1 for everybody.
Buffer<double> nbd_probability_alive(const NbdParameters& parameters,
                                     const RepeatPurchases& purchases, const Execution& execution);

/// +inf for everybody.
Buffer<double> nbd_log_odds_alive(const NbdParameters& parameters, const RepeatPurchases& purchases,
                                  const Execution& execution);

/// (r + x)/(alpha + T) times the integral of exp(-rate t) over the horizon, which may be infinite
/// where rate > 0.
Buffer<double> nbd_expected_purchases(const NbdParameters& parameters,
                                      const RepeatPurchases& purchases, double horizon,
                                      double discount_rate, const Execution& execution);

/// r time / alpha.
Buffer<double> nbd_expected_purchases_new(const NbdParameters& parameters,
                                          std::span<const double> time, const Execution& execution);

/// P(X(time) = count): negative binomial; counts whole and >= 0.
Buffer<double> nbd_pmf(const NbdParameters& parameters, std::span<const double> count, double time,
                       const Execution& execution);

/// Expected number of customers with 0, 1, ..., `frequencies` - 1 repeat purchases, each customer
/// over an own T; the last element holds all the others.
std::vector<double> nbd_frequency_counts(const NbdParameters& parameters,
                                         std::span<const double> age,
                                         std::optional<std::span<const double>> weight,
                                         std::int64_t frequencies, const Execution& execution);

/// The model by name, for whoever treats all models of repeat purchases alike.
struct Nbd {
  static constexpr const char* kName = "nbd";
  using Parameters = NbdParameters;
  static constexpr auto fit = fit_nbd;
  static constexpr auto prepare = prepare_nbd;
  static constexpr auto log_likelihood = nbd_log_likelihood;
  static constexpr auto probability_alive = nbd_probability_alive;
  static constexpr auto log_odds_alive = nbd_log_odds_alive;
  static constexpr auto expected_purchases = nbd_expected_purchases;
  static constexpr auto expected_purchases_new = nbd_expected_purchases_new;
  static constexpr auto pmf = nbd_pmf;
  static constexpr auto frequency_counts = nbd_frequency_counts;
};

}  // namespace tenure::clv
