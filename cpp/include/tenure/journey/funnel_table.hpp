#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/journey/funnel.hpp"

namespace tenure::journey {

struct FunnelTableOptions {
  Steps optional = 0;  ///< steps that the next ones are not divided by
  std::vector<std::int64_t>
      window;                ///< by step: when a chain that has not come this far is decided
  std::int64_t longest = 0;  ///< time that nobody was watched for longer than
  double level = 0.95;
  std::vector<double> quantile;  ///< each in [0, 1]
  bool landmark = false;         ///< final rates by landmark instead of by product limit
};

/// By step, n_k units. Quantiles are steps x quantiles, in microseconds, NaN where there is no
/// time.
struct FunnelTable {
  std::vector<std::int64_t> count;
  std::vector<double> rate, lower, upper;                 ///< n_k / n_1
  std::vector<double> step_rate, step_lower, step_upper;  ///< of those at the last step before that
                                                          ///< is not optional; NaN for step 1
  std::vector<double> time_quantile;                      ///< from step 1
  std::vector<double> lag_quantile;                       ///< from the event before
  std::vector<std::int64_t> open;                         ///< not there yet, but may still come
  std::vector<double> final_rate, final_lower, final_upper;
};

/// Counts and rates of the given units (all of them if absent). Rates carry Wilson intervals;
/// quantiles are of type 7.
///
/// `final_rate` is 1 - S at the end of the window, S the product-limit estimate of the time to the
/// step in which units that may still come are censored now; the limits are those of S by
/// log(-log). Where no unit is open it is the rate itself, with its interval. NaN if nobody was
/// watched to the end of the window; without a window, 1 - S as far as anybody was watched.
///
/// By `landmark`, for units that may start again: (n_k + open_k rho_k) / n_1, rho_k the share of
/// the units open at the landmark that have come since, by the chains that had begun by then. NaN
/// if units are open, but none was then. Its variance is that of its linearised form over the
/// units, so that units that count in n_k and in rho_k are taken for the same; rho (1 - rho) has
/// (came + 1) / (open then + 2) for rho in the term of rho's own variance, so that 0 or all of a
/// few do not pass for certain. Limits are those of 1 - final_rate by log(-log).
///
/// O(units x steps), steps in parallel; same bits for any thread count. Throws InvalidInput for a
/// level or quantile out of range.
FunnelTable funnel_table(const FunnelUnits& units,
                         std::optional<std::span<const std::int64_t>> rows,
                         const FunnelTableOptions& options, const Execution& execution);

}  // namespace tenure::journey
