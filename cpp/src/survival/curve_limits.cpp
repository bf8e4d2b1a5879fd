#include "tenure/survival/curve_limits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/special/normal.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/survival/proportion.hpp"

namespace tenure::survival {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double z_of_level(double level) {
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput("level", -1, level, "between 0 and 1");
  return special::two_sided_z(level);
}

/// `deviation` is z sqrt(greenwood): the half-width on the scale of log S.
Interval limits_at(double survival, double deviation, LimitScale scale) {
  if (scale == LimitScale::plain)
    return {std::max(survival - survival * deviation, 0.0),
            std::min(survival + survival * deviation, 1.0)};
  if (scale == LimitScale::log)
    return {survival * std::exp(-deviation), std::min(survival * std::exp(deviation), 1.0)};
  const double log_survival = std::log(survival);
  if (log_survival == 0.0) return {1.0, 1.0};  // d_j / n_j below the resolution of a double
  const double factor = std::exp(-deviation / log_survival);
  return {std::exp(log_survival * factor), std::exp(log_survival / factor)};
}

double first_time_at_or_below(std::span<const double> time, std::span<const double> curve,
                              double target) {
  const auto at = std::ranges::find_if(curve, [&](double s) { return s <= target; });
  return at == curve.end() ? kInfinity : time[static_cast<std::size_t>(at - curve.begin())];
}

}  // namespace

CurveLimits curve_limits(const CurveView& curve, LimitScale scale, double level,
                         const Execution& execution) {
  const double z = z_of_level(level);
  const std::size_t times = curve.time.size();
  CurveLimits out{std::vector<double>(times, kNan), std::vector<double>(times, kNan),
                  std::vector<double>(times, kNan)};
  for_each_block(std::ssize(curve.time), execution,
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   for (auto j = static_cast<std::size_t>(first);
                        j < static_cast<std::size_t>(last) && curve.survival[j] > 0.0; ++j) {
                     const double spread = std::sqrt(curve.greenwood[j]);
                     const Interval limits = limits_at(curve.survival[j], z * spread, scale);
                     out.standard_error[j] = curve.survival[j] * spread;
                     out.lower[j] = limits.lower;
                     out.upper[j] = limits.upper;
                   }
                 });
  return out;
}

QuantileLimits curve_quantile(const CurveView& curve, const CurveLimits& limits, double p) {
  if (!(p > 0.0 && p < 1.0)) throw InvalidInput("p", -1, p, "between 0 and 1");
  const double target = (1.0 - p) * (1.0 + 1e-10);
  const double value = first_time_at_or_below(curve.time, curve.survival, target);
  // Where S is 0 its lower limit is 0 too, though the normal scale has none: the lower limit of a
  // quantile is never above the quantile.
  return {value, std::min(first_time_at_or_below(curve.time, limits.lower, target), value),
          first_time_at_or_below(curve.time, limits.upper, target)};
}

RestrictedMean restricted_mean(const CurveView& curve, double until, double level) {
  if (!(std::isfinite(until) && until >= 0.0))
    throw InvalidInput("until", -1, until, "finite and >= 0");
  const double z = z_of_level(level);
  // From the right, so that the area beyond each time is at hand when its term is due.
  double area = 0.0, variance = 0.0, right = until;
  for (std::size_t j = curve.time.size(); j-- > 0;) {
    if (curve.time[j] > until) continue;
    area += curve.survival[j] * (right - curve.time[j]);
    right = curve.time[j];
    const double before = j == 0 ? 0.0 : curve.greenwood[j - 1];
    if (area > 0.0) variance += area * area * (curve.greenwood[j] - before);
  }
  const double value = area + right, error = std::sqrt(variance);
  return {value, error, std::max(value - z * error, 0.0), std::min(value + z * error, until)};
}

std::vector<double> survival_at(const CurveView& curve, double last_time,
                                std::span<const double> t) {
  std::vector<double> out(t.size());
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (!(t[i] >= 0.0)) throw InvalidInput("t", static_cast<std::int64_t>(i), t[i], ">= 0");
    const auto after = std::ranges::upper_bound(curve.time, t[i]) - curve.time.begin();
    const double s = after == 0 ? 1.0 : curve.survival[static_cast<std::size_t>(after - 1)];
    out[i] = t[i] > last_time && s > 0.0 ? kNan : s;
  }
  return out;
}

}  // namespace tenure::survival
