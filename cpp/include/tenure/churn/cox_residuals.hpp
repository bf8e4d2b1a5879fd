#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/cox_likelihood.hpp"

namespace tenure::churn {

/// sum over the slots and ties at which a row is at risk of W/d x_gk / D_k (see SlotTerms), x_gk
/// the mean of x: what a row's score residual has instead of a sum over slots.
struct MeanHazard {
  std::int64_t stride = 0;
  std::vector<double>
      cumulative;           ///< slots x stride: over the stratum's slots up to the slot's time
  std::vector<double> own;  ///< slots x stride, less for who churns at it; empty without ties

  /// Adds `times` the sum for row i to `out`.
  void add(const CoxData& d, std::int64_t i, double times, double* out) const {
    const double* const first = cumulative.data() + d.first[static_cast<std::size_t>(i)] * stride;
    const double* const last = cumulative.data() + d.last[static_cast<std::size_t>(i)] * stride;
    for (std::int64_t j = 0; j < stride; ++j) out[j] += times * (first[j] - last[j]);
    if (own.empty() || !d.churned[static_cast<std::size_t>(i)]) return;
    const double* const less = own.data() + d.first[static_cast<std::size_t>(i)] * stride;
    for (std::int64_t j = 0; j < stride; ++j) out[j] -= times * less[j];
  }
};

/// O(n p + slots p).
MeanHazard mean_hazard(const CoxLikelihood& at, const Execution& execution = {});

/// Score residuals, sample_rows x p, in the centred and scaled columns, not times the weight:
///
///     L_i = churned_i (x_i - mean over ties of x_gk) - sum_g sum_k exp(eta_i) (x_i - x_gk) W/d /
///     D_k
///
/// with 1 - f_k times the k-th term where i churned at g. 0 for rows at risk at no time of churn.
/// sum_i w_i L_i is the score. [Therneau & Grambsch 2000, sec. 4.6 and p. 83]
std::vector<double> score_residuals(const CoxLikelihood& at, const Execution& execution = {});

/// Martingale residuals by row of the sample, not times the weight.
std::vector<double> martingale_residuals(const CoxLikelihood& at);

/// One row for each row that churned, from the first time to the last within a stratum.
struct SchoenfeldResiduals {
  std::vector<double> residual;      ///< events x p: x_i - mean of x at risk, over ties
  std::vector<std::int64_t> source;  ///< its row in the sample
  std::vector<std::int64_t> slot;
};
SchoenfeldResiduals schoenfeld_residuals(const CoxLikelihood& at, const Execution& execution = {});

/// Hazard of a customer at the mean of each column, by stratum and time of churn, ascending.
struct CoxBaseline {
  std::vector<double> time;
  std::vector<std::int32_t> stratum;
  std::vector<double> at_risk;   ///< rows at risk, by weight
  std::vector<double> churned;   ///< weight that churned
  std::vector<double> hazard;    ///< cumulative
  std::vector<double> variance;  ///< cumulative sum of W/d sum_k 1 / D_k^2
  std::vector<double> mean;      ///< times x p: `MeanHazard`, cumulative
};
CoxBaseline baseline(const CoxLikelihood& at, const Execution& execution = {});

}  // namespace tenure::churn
