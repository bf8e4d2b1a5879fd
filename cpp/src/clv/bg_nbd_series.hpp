#pragma once
#include "tenure/clv/bg_nbd.hpp"

namespace tenure::clv {

/// log of the expected purchases within `horizon` of a customer alive at age T after x repeat
/// purchases. With m = r + x, z = horizon/(alpha + T + horizon) and K ~ NB(m, z) the purchases of a
/// customer who cannot leave, it is the sum over k >= 1 of P(K = k) H_k, where H_k adds up the
/// chances of outliving 0, ..., k - 1 purchases, (b + x)_j / (a + b + x)_j: eq. 10 as a series of
/// positive terms, exact for a = 1 and a -> 1 as well. Where the series is long, by quadrature over
/// p.
double bg_nbd_log_expected_alive(const BgNbdParameters& p, double x, double age, double horizon);

/// log of the same, each purchase discounted by exp(-discount_rate * time): given p, purchases come
/// at the rate m/(alpha + T) (1 + p t/(alpha + T))^-(m + 1), which is integrated over t, and then
/// over p.
double bg_nbd_log_discounted_alive(const BgNbdParameters& p, double x, double age, double horizon,
                                   double discount_rate);

}  // namespace tenure::clv
