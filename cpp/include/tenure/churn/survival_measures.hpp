#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/churn/ipcw.hpp"

namespace tenure::churn {

/// Pairs by weight: those of the two rows and 1 / G(T)^2 of the one who churned first.
struct UnoConcordance {
  double concordant = 0.0, discordant = 0.0, tied_score = 0.0;
  double value = 0.0;           ///< (concordant + tied_score / 2) / all three; NaN of none
  double standard_error = 0.0;  ///< infinitesimal jackknife over rows, through G as well
  double tau = 0.0;             ///< churn before it counts; infinite: all
  std::int64_t churned = 0;     ///< rows that churned before tau
};

/// Concordance that does not depend on who was censored when: pairs (i, j) with churn at T_i < tau
/// and T_i < T_j, each with weight G(T_i)^-2. [Uno, Cai, Pencina, D'Agostino & Wei 2011, Statistics
/// in Medicine 30:1105-1117, eq. 6] tau is lowered to the first churn that cannot be weighed.
///
/// O(n log n) by two passes over a Fenwick tree of ranks. One thread. Throws InvalidInput for a
/// score that is not finite and for tau <= 0.
UnoConcordance uno_concordance(const IpcwData& data, std::span<const double> score, double tau,
                               const Execution& execution = {});

/// Areas under the ROC curve of who churned by t against who was seen beyond it, a value a time.
struct DynamicAuc {
  std::vector<double> value, standard_error;
  std::vector<double> churned, beyond;  ///< rows of either kind
  double mean = 0.0, mean_error = 0.0;  ///< weighted by the fall of the product-limit curve
};

/// Cumulative/dynamic AUC(t): the chance that a customer who churned by t scores above one who did
/// not, those who churned weighted by 1 / G(T_i). [Uno, Cai, Tian & Wei 2007, JASA 102:527-537;
/// variance: Blanche, Dartigues & Jacqmin-Gadda 2013, Statistics in Medicine 32:5381-5397]
/// `score` holds one column for all times, or one a time (rows x times). Times ascend strictly and
/// are all scorable.
///
/// O(n log n) a distinct column, O(n) a time. One thread. Throws InvalidInput for a bad score.
DynamicAuc dynamic_auc(const IpcwData& data, std::span<const double> score,
                       std::span<const double> times, const Execution& execution = {});

/// The Brier score at one time, with that of a curve which knows no customers apart, and w_i times
/// their derivatives by the weight of each row (of `train` after the others).
struct BrierAt {
  double score = 0.0, null_score = 0.0;
  std::vector<double> influence, null_influence;
};

/// Mean of S_i(t)^2 / G(T_i) over who churned by t and (1 - S_i(t))^2 / G(t) over who was seen
/// beyond it. [Graf, Schmoor, Sauerbrei & Schumacher 1999, Statistics in Medicine 18:2529-2545]
/// O(n). Throws InvalidInput for a survival outside [0, 1].
BrierAt brier_at(const IpcwData& data, std::span<const double> survival, double t,
                 const Execution& execution = {});

/// How many customers' lives end within each of `bins` equal parts of their own survival curve.
struct DCalibration {
  std::vector<double> expected_share;  ///< of each bin, censored rows spread over what is left
  std::vector<double> standard_error;
  double statistic = 0.0;  ///< Pearson's, of Haider et al.
  double wald = 0.0;       ///< with the covariance of what the rows add; NaN if singular
};

/// survival[i] is S_i(T_i). A censored row adds to the bins below S_i(C_i) in proportion.
/// [Haider, Hoehn, Davis & Greiner 2020, JMLR 21(85), sect. 3.5, appendix B] O(n bins).
/// With weights, shares of their sum; the covariance is that of independent rows with given
/// weights,
///
///     sum_i w_i^2 (own_i - share)(own_i - share)' / (sum_i w_i)^2,
///
/// and Pearson's statistic counts (sum w)^2 / sum w^2 rows [Kish 1965, Survey Sampling, sec. 11.7].
/// Throws InvalidInput for a survival outside [0, 1], and weights not finite, < 0 or all 0.
DCalibration d_calibration(std::span<const double> survival, std::span<const std::uint8_t> churned,
                           std::int64_t bins,
                           const std::optional<std::span<const double>>& weight = {},
                           const Execution& execution = {});

}  // namespace tenure::churn
