#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::survival {

/// A survival curve as `kaplan_meier` gives it: a step function that is 1 before time[0].
struct CurveView {
  std::span<const double> time;
  std::span<const double> survival;
  std::span<const double> greenwood;  ///< variance of log S(time[j]); +inf where S is 0
};

/// The scale on which S(t) is taken as normal. With g = sqrt(greenwood):
///   log_log  S^exp(+-z g / log S)     always within (0, 1) [Kalbfleisch & Prentice 1980, p. 15]
///   log      S exp(+-z g), at most 1
///   plain    S (1 +- z g), within [0, 1]
enum class LimitScale : std::uint8_t { log_log, log, plain };

struct CurveLimits {
  std::vector<double> standard_error;  ///< S sqrt(greenwood); NaN where S is 0
  std::vector<double> lower;           ///< NaN where S is 0
  std::vector<double> upper;           ///< NaN where S is 0
};

/// Pointwise confidence limits. `level` in (0, 1), else InvalidInput. O(times), bound by logarithms
/// and exponentials; same bits for any thread count.
CurveLimits curve_limits(const CurveView& curve, LimitScale scale, double level,
                         const Execution& execution = {});

/// Limits whose half-width on the scale of log S is given for each time, such as those of a
/// simultaneous band; without standard errors.
CurveLimits limits_of_deviations(const CurveView& curve, LimitScale scale,
                                 std::span<const double> deviation,
                                 const Execution& execution = {});

struct QuantileLimits {
  double value;  ///< smallest time with S(t) <= 1 - p; +inf if S never falls so low
  double lower;
  double upper;
};

/// The time by which a share p has churned, with the limits of Brookmeyer & Crowley: the times at
/// which the pointwise limits of S pass 1 - p; +inf where they never do.
/// [Brookmeyer & Crowley 1982, Biometrics 38:29-41]
///
/// S counts as <= 1 - p within a relative 1e-10, so that the rounding of a product does not decide
/// between two event times. `p` in (0, 1), else InvalidInput. O(times).
QuantileLimits curve_quantile(const CurveView& curve, const CurveLimits& limits, double p);

struct RestrictedMean {
  double value;
  double standard_error;
  double lower;  ///< value -+ z standard errors, cut to [0, until]
  double upper;
};

/// Mean tenure within [0, until]: the integral of S, with variance
/// sum_{t_j <= until} (integral of S from t_j to until)^2 d_j / (n_j (n_j - d_j)).
/// [Irwin 1949, J. Hygiene 47:188-189; Kaplan & Meier 1958, sec. 6.2]
///
/// The caller sees to it that S is known up to `until`. Throws InvalidInput unless `until` is
/// finite and >= 0 and `level` is in (0, 1). O(times).
RestrictedMean restricted_mean(const CurveView& curve, double until, double level);

/// S(t) for each t: 1 before the first time, NaN beyond `last_time` unless S is 0 there. Throws
/// InvalidInput for a t that is NaN or negative. O(log times) each.
std::vector<double> survival_at(const CurveView& curve, double last_time,
                                std::span<const double> t);

}  // namespace tenure::survival
