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

/// log of the expected rate of purchases `after` such a customer was alive at age T.
double bg_nbd_log_rate_alive(const BgNbdParameters& p, double x, double age, double after);

/// log of the integral over (0, horizon] of that rate times exp(-discount_rate * time), by
/// Gauss-Legendre in log(alpha + T + time), where the integrand is analytic in a wide strip.
double bg_nbd_log_discounted_alive(const BgNbdParameters& p, double x, double age, double horizon,
                                   double discount_rate);

}  // namespace tenure::clv
