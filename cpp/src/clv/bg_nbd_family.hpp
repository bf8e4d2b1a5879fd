#pragma once
#include <functional>

#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/one_time_buyers.hpp"
#include "tenure/clv/prospects.hpp"

/// What the BG/NBD and the MBG/NBD model have in common: given the number of chances to leave that
/// a customer has had, all is the same.
namespace tenure::clv {

Derivatives<4> log_likelihood(const BgNbdParameters& parameters, OneTimeBuyers who,
                              const RepeatPurchases& purchases, const Execution& execution);
Fit fit(OneTimeBuyers who, const RepeatPurchases& purchases, const FitOptions& options,
        const Execution& execution);
PreparedLikelihood prepare(OneTimeBuyers who, const RepeatPurchases& purchases,
                           const Execution& execution);

/// Parameters of customers of the MBG/NBD model who have outlived the first purchase.
BgNbdParameters mbg_nbd_outlived(const BgNbdParameters& parameters);

/// The derivatives at b, of those of customers who have outlived the first purchase at b + 1: a
/// customer who may leave after it outlives it with probability b / (a + b), and is from then on
/// one with b + 1 in place of b.
Derivatives<4> with_first_chance(Derivatives<4> outlived, const BgNbdParameters& parameters,
                                 double customers);

/// Derivatives of the log-likelihood in scaled time.
using FamilyDerivatives =
    std::function<Derivatives<4>(const BgNbdParameters& scaled, std::int64_t stride)>;

/// Maximum likelihood from the starts of the family. A purchase takes `ticks` events of the Poisson
/// process; `constant` is what the caller's log-likelihood has and the scaled one has not.
Fit fit_family(const FamilyDerivatives& derivatives, const PurchaseSample& sample, double ticks,
               double constant, const FitOptions& options);

/// `outlived` are parameters of customers who have outlived the first purchase: where that is a
/// chance to leave, b is one more than that of the model.
Buffer<double> log_odds_alive(const BgNbdParameters& outlived, OneTimeBuyers who,
                              const RepeatPurchases& purchases, const Execution& execution);
Buffer<double> probability_alive(const BgNbdParameters& outlived, OneTimeBuyers who,
                                 const RepeatPurchases& purchases, const Execution& execution);
Buffer<double> expected_purchases(const BgNbdParameters& outlived, OneTimeBuyers who,
                                  const RepeatPurchases& purchases, double horizon,
                                  double discount_rate, const Execution& execution);
Prospects prospects(const BgNbdParameters& outlived, OneTimeBuyers who,
                    const RepeatPurchases& purchases, double horizon, double discount_rate,
                    const Execution& execution);

}  // namespace tenure::clv
