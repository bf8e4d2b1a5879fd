#pragma once
#include <cstdint>
#include <vector>

#include "tenure/cohort/members.hpp"
#include "tenure/cohort/retention_rates.hpp"

namespace tenure::cohort {

/// Shares of members who are active at age k or later, with limits; by row and age, and of all
/// cohorts of a group together. NaN: nobody observed at that age.
struct ReturnShares {
  std::vector<double> rate, lower, upper;            ///< rows x ages
  std::vector<double> mean, mean_lower, mean_upper;  ///< groups x ages, cohorts pooled
};

/// P(active at some age in [k, horizon]), the horizon being the last age that anyone of the row (of
/// the group) was observed at. The wait from k on to the next active age is a time to event,
/// censored at the last age observed of the member, and
///
///     share(k) = 1 - prod_{j = k}^{horizon} (1 - d_kj / n_kj)
///
/// with n_kj members who are observed at j and not active in [k, j), of whom d_kj are active at j.
/// [Kaplan & Meier 1958, JASA 53:457-481] Where all are observed to the horizon it is the share of
/// those seen to return.
///
/// Limits are Wilson's with the effective number n' = S (1 - S) / Var(S), S = 1 - share, Var by
/// Greenwood [Rothman 1978, Journal of Chronic Diseases 31:557-560]: without censoring n' is the
/// number at risk. Where S is 0 or 1, n' is that of the last age at which it was neither, else the
/// number at risk at the last age that counts.
///
/// O(members' cells + rows x ages^2); same bits for any thread count. Throws InvalidInput for a
/// level outside (0, 1) or min_events < 1.
ReturnShares return_shares(const Members& members, std::int64_t min_events, double level,
                           const Execution& execution);

}  // namespace tenure::cohort
