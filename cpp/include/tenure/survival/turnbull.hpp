#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::survival {

/// Lifetimes known to lie within (lower, upper], or to be exactly lower where both are equal.
/// Views.
struct IntervalSample {
  std::span<const double> lower;  ///< finite, >= 0; 0 where nothing is known of the beginning
  std::span<const double> upper;  ///< >= lower; +inf: had not churned at `lower`
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0, not all 0
};

struct TurnbullOptions {
  std::int64_t max_iterations = 20'000;
  double tolerance = 1e-9;  ///< of `gap`
};

/// The innermost intervals in which an estimate can have mass, and the mass that it has there.
/// Where in an interval the mass lies the data do not say; a left end equal to the right one is a
/// point.
struct TurnbullCurve {
  std::vector<double> left, right;  ///< (left, right], ascending; the last may end at +inf
  std::vector<double> mass;         ///< sums to 1; some are 0
  double log_likelihood = 0.0;      ///< of the sample's weights
  /// (max_j g_j - w) / w, g the gradient and w the total weight: no estimate has a log-likelihood
  /// higher by more than gap w. [Lindsay 1983, Annals of Statistics 11:86-94, sec. 4]
  double gap = std::numeric_limits<double>::infinity();
  std::int64_t iterations = 0;
  bool converged = false;  ///< gap <= tolerance
};

/// The nonparametric maximum likelihood estimate for interval-censored lifetimes: the masses p that
/// maximise sum_i w_i log sum_{j in i} p_j. [Turnbull 1976, JRSS B 38:290-295; Peto 1973, Applied
/// Statistics 22:86-91]
///
/// Steps of EM, which is safe, and of the iterative convex minorant, which is quick and sets masses
/// to 0, in turn [Wellner & Zhan 1997, JASA 92:945-959]; then Newton's method on the masses that
/// are not 0, while they are at most 5000, with a mass added where the gradient asks for it. Never
/// a step that lowers the likelihood.
///
/// O(n log n) once, then O(n' + intervals) a step, n' the distinct rows. One thread. Throws
/// InvalidInput for a bad row.
TurnbullCurve turnbull(const IntervalSample& sample, const TurnbullOptions& options = {},
                       const Execution& execution = {});

}  // namespace tenure::survival
