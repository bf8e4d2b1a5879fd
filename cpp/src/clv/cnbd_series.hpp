#pragma once
#include "tenure/clv/bg_nbd.hpp"

namespace tenure::clv {

/// log of the expected purchases within `horizon` of a customer alive at age T after x repeat
/// purchases, of whose running time between purchases j of k ticks have passed. With m = r + k x +
/// j, z = horizon/(alpha + T + horizon) and J ~ NB(m, z) the ticks to come of a customer who cannot
/// leave, it is the sum of P(J = i) H_n over i, n = floor((j + i)/k), where H_n adds up the chances
/// of outliving 0, ..., n - 1 purchases, (b + x)_l / (a + b + x)_l. Where the series is long, by
/// quadrature over p and the k-th roots of unity. [docs/methods/cnbd.md]
double cnbd_log_expected_alive(const BgNbdParameters& p, int k, int j, double x, double age,
                               double horizon);

/// log of the chance that the same customer is still one after `horizon`: the sum of P(J = i) times
/// the chance of outliving n purchases, by the same means.
double cnbd_log_alive(const BgNbdParameters& p, int k, int j, double x, double age, double horizon);

/// log of the expectation, each purchase discounted by exp(-discount_rate * time), by parts: from
/// the expectations up to each time; for ever, by quadrature over lambda and p.
double cnbd_log_discounted_alive(const BgNbdParameters& p, int k, int j, double x, double age,
                                 double horizon, double discount_rate);

}  // namespace tenure::clv
