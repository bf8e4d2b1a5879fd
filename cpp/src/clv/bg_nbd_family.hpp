#pragma once
#include <cstdint>

#include "tenure/clv/bg_nbd.hpp"

/// What the BG/NBD and the MBG/NBD model have in common: given the number of chances to leave that
/// a customer has had, all is the same.
namespace tenure::clv {

/// Whether somebody without a repeat purchase has had a chance to leave.
enum class OneTimeBuyers : std::uint8_t { stay, may_leave };

Derivatives<4> log_likelihood(const BgNbdParameters& parameters, OneTimeBuyers who,
                              const RepeatPurchases& purchases, const Execution& execution);
Fit fit(OneTimeBuyers who, const RepeatPurchases& purchases, const FitOptions& options,
        const Execution& execution);
PreparedLikelihood prepare(OneTimeBuyers who, const RepeatPurchases& purchases,
                           const Execution& execution);

/// Parameters of customers of the MBG/NBD model who have outlived the first purchase.
BgNbdParameters mbg_nbd_outlived(const BgNbdParameters& parameters);

/// `outlived` are parameters of customers who have outlived the first purchase: where that is a
/// chance to leave, b is one more than that of the model.
Buffer<double> log_odds_alive(const BgNbdParameters& outlived, OneTimeBuyers who,
                              const RepeatPurchases& purchases, const Execution& execution);
Buffer<double> probability_alive(const BgNbdParameters& outlived, OneTimeBuyers who,
                                 const RepeatPurchases& purchases, const Execution& execution);
Buffer<double> expected_purchases(const BgNbdParameters& outlived, OneTimeBuyers who,
                                  const RepeatPurchases& purchases, double horizon,
                                  double discount_rate, const Execution& execution);

}  // namespace tenure::clv
