#include "tenure/survival/curve_limits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/special/elementary.hpp"
#include "tenure/special/normal.hpp"
#include "tenure/support/clones.hpp"
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

/// exp(x), 0 where it is below 3e-308.
[[gnu::always_inline]] inline double exp_or_zero(double x) {
  const double e = special::vector_exp(std::min(x, 709.0));
  return x < -708.0 ? 0.0 : e;
}

/// Limits of the rows of one block, all with survival >= kSmallest: a loop without branches.
/// `deviation[j]` is the half-width on the scale of log S.
constexpr double kSmallest = 1e-300;

TENURE_CLONES
void limits_of_block(LimitScale scale, const double* survival, const double* deviation,
                     std::int64_t rows, double* lower, double* upper) {
  if (scale == LimitScale::plain) {
    for (std::int64_t j = 0; j < rows; ++j) {
      lower[j] = std::max(survival[j] - survival[j] * deviation[j], 0.0);
      upper[j] = std::min(survival[j] + survival[j] * deviation[j], 1.0);
    }
  } else if (scale == LimitScale::log) {
    for (std::int64_t j = 0; j < rows; ++j) {
      lower[j] = survival[j] * exp_or_zero(-deviation[j]);
      upper[j] = std::min(survival[j] * exp_or_zero(deviation[j]), 1.0);
    }
  } else {
    for (std::int64_t j = 0; j < rows; ++j) {
      const double log_survival = special::vector_log(survival[j]);
      // log S = 0: d_j / n_j is below the resolution of a double, and both limits are 1.
      const double safe = log_survival == 0.0 ? -1.0 : log_survival;
      const double factor = exp_or_zero(-deviation[j] / safe);
      lower[j] = log_survival == 0.0 ? 1.0 : exp_or_zero(log_survival * factor);
      upper[j] = log_survival == 0.0 ? 1.0 : exp_or_zero(log_survival / factor);
    }
  }
}

/// The same for a curve so low that its logarithm is not that of a normal double.
Interval limits_at(double survival, double deviation, LimitScale scale) {
  if (scale != LimitScale::log_log) {
    Interval limits{};
    limits_of_block(scale, &survival, &deviation, 1, &limits.lower, &limits.upper);
    return limits;
  }
  const double log_survival = std::log(survival);
  const double factor = std::exp(-deviation / log_survival);
  return {std::exp(log_survival * factor), std::exp(log_survival / factor)};
}

double first_time_at_or_below(std::span<const double> time, std::span<const double> curve,
                              double target) {
  const auto at = std::ranges::find_if(curve, [&](double s) { return s <= target; });
  return at == curve.end() ? kInfinity : time[static_cast<std::size_t>(at - curve.begin())];
}

}  // namespace

CurveLimits limits_of_deviations(const CurveView& curve, LimitScale scale,
                                 std::span<const double> deviation, const Execution& execution) {
  const std::size_t times = curve.time.size();
  CurveLimits out{{}, std::vector<double>(times, kNan), std::vector<double>(times, kNan)};
  for_each_block(std::ssize(curve.time), execution,
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   const auto begin = curve.survival.begin();
                   // S falls: the rows that the vectorised loop may take come first.
                   const auto above = [&](double bound) {
                     return std::partition_point(begin + first, begin + last,
                                                 [bound](double s) { return s >= bound; }) -
                            begin;
                   };
                   const std::int64_t usual = above(kSmallest);
                   const auto at = static_cast<std::size_t>(first);
                   limits_of_block(scale, curve.survival.data() + at, deviation.data() + at,
                                   usual - first, out.lower.data() + at, out.upper.data() + at);
                   for (auto j = static_cast<std::size_t>(usual);
                        j < static_cast<std::size_t>(last) && curve.survival[j] > 0.0; ++j) {
                     const Interval limits = limits_at(curve.survival[j], deviation[j], scale);
                     out.lower[j] = limits.lower;
                     out.upper[j] = limits.upper;
                   }
                 });
  return out;
}

CurveLimits curve_limits(const CurveView& curve, LimitScale scale, double level,
                         const Execution& execution) {
  const double z = z_of_level(level);
  std::vector<double> deviation(curve.time.size()), error(curve.time.size(), kNan);
  for_each_block(std::ssize(curve.time), execution,
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   for (auto j = static_cast<std::size_t>(first);
                        j < static_cast<std::size_t>(last) && curve.survival[j] > 0.0; ++j) {
                     const double spread = std::sqrt(curve.greenwood[j]);
                     deviation[j] = z * spread;
                     error[j] = curve.survival[j] * spread;
                   }
                 });
  CurveLimits out = limits_of_deviations(curve, scale, deviation, execution);
  out.standard_error = std::move(error);
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
