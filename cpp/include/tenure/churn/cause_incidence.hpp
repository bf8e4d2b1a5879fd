#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Baselines of the Cox regressions of several causes, on the times of all of them. Views.
struct CauseBaselines {
  std::int64_t causes = 1;
  std::span<const double> time;    ///< strictly increasing, finite
  std::span<const double> hazard;  ///< times x causes: increments dL of the baselines, >= 0
  /// For variances, else empty. times x causes: increments of their variance; times x causes x
  /// columns: those of the mean covariate over the hazard (CoxBaseline::mean).
  std::span<const double> variance, mean;
  /// Of the coefficients of all causes, causes x columns square.
  std::span<const double> covariance;
};

/// Who is asked about: relative risks by cause, and for variances centred columns.
struct CauseProfiles {
  std::span<const double> risk;        ///< customers x causes, exp(x b_k), finite, >= 0
  std::span<const double> x;           ///< customers x columns, less the means of the fit
  std::span<const double> after = {};  ///< tenure reached, >= 0; empty: 0
};

struct CauseIncidence {
  std::vector<double> incidence;  ///< customers x times x causes
  std::vector<double> survival;   ///< customers x times: of all causes together
  std::vector<double> variance;   ///< customers x times x causes; empty unless asked for
};

/// Probability to have left for each cause `until[j]` after the tenure reached, from the hazards of
/// all causes. Where the hazards rise by a_k = risk_k dL_k, of sum a, S falls by the factor e^{-a}
/// and F_k rises by S a_k (1 - e^{-a}) / a: the matrix exponential of the step, so that S + sum_k
/// F_k = 1, S > 0, and one cause gives Cox's curve. [Andersen, Borgan, Gill & Keiding 1993,
/// Statistical Models Based on Counting Processes, sec. VII.2.3]
///
/// Variances by the delta method: F is a function of the a_k, whose variance is that of the
/// baselines given the coefficients, independent from time to time and cause to cause, and that of
/// the coefficients, `covariance`.
///
/// `until` is ascending. O(customers x times of baselines x causes); with variances x causes x
/// columns. Same bits for every thread count.
CauseIncidence cause_incidence(const CauseBaselines& base, const CauseProfiles& profiles,
                               std::span<const double> until, const Execution& execution = {});

}  // namespace tenure::churn
