#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/optim/result.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/survival/weighted_gram.hpp"

namespace tenure::survival {

/// Lifetimes that end for the cause of interest (1), for a competing one (2) or are censored (0).
struct FineGraySample {
  std::span<const double> duration;                    ///< finite, >= 0
  std::span<const std::uint8_t> cause;                 ///< 0, 1 or 2
  Design x;                                            ///< finite, at least one column
  std::optional<std::span<const double>> weight = {};  ///< finite, > 0. Absent: 1
  /// Tenure at which observation began, >= 0 and < duration; 0 means from the start. Absent: 0.
  std::optional<std::span<const double>> entry = {};
};

struct FineGrayOptions {
  std::int64_t max_iterations = 100;
  double tolerance = 1e-9;  ///< of the gradient per event, in standardised columns
};

struct FineGrayFit {
  std::vector<double> coefficients;
  double log_likelihood = 0.0, null_log_likelihood = 0.0;
  std::vector<double> naive_covariance;  ///< inverse information
  std::vector<double> covariance;  ///< with the estimated censoring weights [Fine & Gray 1999]
  std::vector<double> time;        ///< of events of the cause of interest, ascending
  std::vector<double> baseline;    ///< cumulative subdistribution hazard at x = 0
  optim::Status status = optim::Status::stalled;
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;
};

/// Proportional hazards of the subdistribution of one cause. Who left for another cause stays at
/// risk with the chance to be still observed, A(t) = G(t-) H(t-), G the Kaplan-Meier curve of
/// censoring, H that of entry in reversed time:
///
///     L(b) = sum_{i of cause 1} (x_i b - log S0(T_i)),
///     S0(t) = sum_{L_j < t <= T_j} e^{x_j b} + A(t) sum_{cause 2, T_j < t} e^{x_j b} / A(T_j),
///     G(t-) = prod_{u < t} (1 - c_u / n_u), n_u the weight with L < u <= T,
///     H(t-) = prod_{u >= t} (1 - e_u / n_u+), e_u of n_u+ with L <= u < T entered at u,
///
/// each row times its weight, in G and H too, so that a whole weight is so many equal rows. Ties as
/// Breslow's, as in cmprsk. The variance is the sandwich of eta_i + psi_i, psi_i for the estimation
/// of G and H, each times its weight before it is squared. [Fine & Gray 1999, JASA 94:496-509, sec.
/// 4 and 5; late entry: Geskus 2011, Biometrics 67:39-49, eq. 10; Zhang, Zhang & Fine 2011,
/// Statistics in Medicine 30:1933-1951]
///
/// Newton's method in standardised columns. Both sums of S0 and its first derivative are
/// cumulative, the second one enters by its trace on rows: O(n log n) once, O(n columns^2) an
/// iteration. One thread; the result depends on the order of rows only by rounding. Throws
/// InvalidInput for a bad row, unequal lengths, where nobody left for cause 1, and where nobody was
/// under observation between an exit for cause 2 and a later entry: H is 0 there.
FineGrayFit fine_gray(const FineGraySample& sample, const FineGrayOptions& options = {},
                      const Execution& execution = {});

}  // namespace tenure::survival
