#pragma once
#include <vector>

#include "tenure/support/execution.hpp"
#include "tenure/survival/risk_table.hpp"

namespace tenure::survival {

/// Cumulative hazard, one row for each distinct time at which someone left.
struct CumulativeHazard {
  std::vector<double> time, at_risk, churned;
  std::vector<double> hazard;
  std::vector<double> variance;
  double last_time = 0.0;
};

/// How events at one time are taken: as they are, all at once (d / n); or as if they came one after
/// the other, 1/n + 1/(n-1) + ..., which estimates -log S of a continuous law that was rounded.
enum class HazardTies : std::uint8_t { together, in_turn };

/// Nelson-Aalen estimate H(t) = sum_{t_j <= t} d_j / n_j, with variance sum d_j / n_j^2; in turn,
/// sum_{i < d_j} 1 / (n_j - i) and sum 1 / (n_j - i)^2. [Nelson 1972, Technometrics 14:945-966;
/// Aalen 1978, Annals of Statistics 6:701-726; ties: Fleming & Harrington 1984, Comm. Stat.
/// 13:2469]
///
/// In turn, a weight d_j that is not whole counts as floor(d_j) events of weight 1 and the rest.
/// Cost and errors of `risk_table`; in turn also O(events).
CumulativeHazard nelson_aalen(const CensoredSample& sample, HazardTies ties,
                              const Execution& execution = {});

/// Cumulative incidence of each cause, one row for each distinct time at which someone left.
struct CumulativeIncidence {
  std::vector<double> time, at_risk;
  std::vector<double> survival;   ///< S(time[j]): nobody's cause has come
  std::vector<double> events;     ///< times x causes
  std::vector<double> incidence;  ///< times x causes: F_k(time[j])
  std::vector<double> variance;   ///< times x causes: of F_k(time[j])
  double last_time = 0.0;
};

/// Aalen-Johansen estimate of the probability to have left for cause k by t,
///
///     F_k(t) = sum_{t_j <= t} S(t_{j-1}) d_kj / n_j,
///
/// S the Kaplan-Meier curve of leaving for any cause, so that S + sum_k F_k = 1. Variance
///
///     sum (F_k(t) - F_k(t_j))^2 d_j / (n_j (n_j - d_j)) + sum S(t_{j-1})^2 d_kj (n_j - d_kj) /
///     n_j^3
///     - 2 sum (F_k(t) - F_k(t_j)) S(t_{j-1}) d_kj / n_j^2,
///
/// which is Greenwood's where there is one cause. [Aalen & Johansen 1978, Scandinavian J.
/// Statistics 5:141-150; variance: Dinse & Larson 1986, Biometrika 73:379-386; Marubini & Valsecchi
/// 1995, eq. 10.12]
///
/// Ties are taken as they are. Cost and errors of `risk_table`, and O(times causes).
CumulativeIncidence aalen_johansen(const CauseSample& sample, const Execution& execution = {});

}  // namespace tenure::survival
