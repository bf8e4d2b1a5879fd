#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::survival {

/// Right-censored, possibly left-truncated lifetimes in groups. Views: nothing is copied.
struct GroupedSample {
  std::span<const double> duration;  ///< finite, >= 0
  std::span<const std::uint8_t>
      churned;                          ///< 1: the event was seen at `duration`; 0: censored there
  std::span<const std::int32_t> group;  ///< code in [0, groups)
  std::int32_t groups = 0;              ///< at most 4096
  /// As in `CensoredSample`. Absent: 0 for every row.
  std::optional<std::span<const double>> entry = {};
  /// Code in [0, strata). Absent: one stratum.
  std::optional<std::span<const std::int32_t>> stratum = {};
  std::int32_t strata = 1;
  /// Finite, >= 0; whole where the variance is not robust. A row of weight 0 is no row. Absent: 1.
  std::optional<std::span<const double>> weight = {};
};

/// The weight of an event time t_j: 1; n_j [Gehan 1965]; sqrt(n_j) [Tarone & Ware 1977]; or
/// S(t_j-)^rho (1 - S(t_j-))^gamma with the Kaplan-Meier curve S of all groups of the stratum
/// [Fleming & Harrington 1991], which for rho = 1, gamma = 0 is Peto and Peto's, as in R's
/// survdiff.
enum class RankWeight : std::uint8_t { log_rank, gehan, tarone_ware, fleming_harrington };

struct RankOptions {
  RankWeight weight = RankWeight::log_rank;
  double rho = 0.0;
  double gamma = 0.0;
  bool robust = false;  ///< variance by rows, for weights that are no numbers of like rows
};

struct RankTest {
  std::vector<std::int64_t> rows;    ///< by group; with whole weights their sum
  std::vector<std::int64_t> events;  ///< by group; the same
  std::vector<double> observed;      ///< by group: sum of w_j d_kj; without weights the events
  std::vector<double> expected;      ///< by group: sum of w_j n_kj d_j / n_j
  std::vector<double> variance;      ///< groups x groups, of observed - expected
  double statistic = 0.0;            ///< chi-square
  std::int64_t df = 0;               ///< rank of the variance
  double p_value = 1.0;              ///< 1 where df is 0
};

/// Log-rank test that the hazards of all groups are the same at all times, against proportional
/// ones where weights are 1. With n_kj of group k at risk at event time t_j, of whom d_kj have the
/// event, sums over strata and times of
///
///     U_k  = w_j (d_kj - n_kj d_j / n_j)
///     V_kl = w_j^2 d_j (n_j - d_j) / (n_j - 1) (n_kj / n_j) (delta_kl - n_lj / n_j)
///
/// give the statistic U' V^- U, chi-square with rank(V) degrees of freedom. V is that of the
/// multivariate hypergeometric distribution, which is exact for ties. [Mantel 1966, Cancer
/// Chemotherapy Reports 50:163-170; Peto & Peto 1972, JRSS A 135:185-207]
///
/// A whole weight is so many equal rows, in all of this. With `robust`, weights are those of a
/// survey or of propensities: sums are weighted, and V is that of independent rows,
///
///     V = sum_i w_i^2 u_i u_i',  u_ik = sum over t_j at which i is at risk of
///         w_j (delta_{g(i) k} - n_kj / n_j) (churned_i(t_j) - d_j / n_j),
///
/// which does not change with the unit of the weights. [Lin & Wei 1989, JASA 84:1074-1078; Xie &
/// Liu 2005, Statistics in Medicine 24:3089-3110]
///
/// A group that is never at risk together with another adds nothing, and no degree of freedom: the
/// rank is that of V by pivots, relative to 1e-10 of the diagonal. Churn comes before censoring at
/// the same time; a row is at risk at t if entry < t <= duration, or from the start if entry is 0.
///
/// O(n log n) by radix, and O(groups^2) for each event time; O(n + groups^2) memory. Robust: for
/// each time of exit and each late row, and O(groups) memory for each event time where rows enter
/// late. One thread; the result depends on the multiset of rows, not on their order. Throws
/// InvalidInput for a bad row, unequal lengths, codes out of range, more than 4096 groups, and rho
/// or gamma not finite or < 0.
RankTest log_rank(const GroupedSample& sample, const RankOptions& options = {},
                  const Execution& execution = {});

}  // namespace tenure::survival
