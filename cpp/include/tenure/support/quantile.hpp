#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace tenure {

/// Where the p-quantile of n sorted values lies: between value `below` and the next, at `fraction`.
struct QuantilePlace {
  std::int64_t below;
  double fraction;
};

/// By linear interpolation: p (n - 1), counted from 0. [Hyndman & Fan 1996, American Statistician
/// 50:361-365, type 7] A place within rounding of a whole number is that number, as in R: .4 x 35
/// in double precision lies above 14, and the 14th value itself must not fall short of its own
/// quantile.
inline QuantilePlace quantile_place(std::int64_t n, double p) {
  const double place = p * static_cast<double>(n - 1);
  const double whole = std::round(place);
  if (std::fabs(place - whole) <= 4.0 * std::numeric_limits<double>::epsilon() * whole)
    return {static_cast<std::int64_t>(whole), 0.0};
  const double below = std::floor(place);
  return {static_cast<std::int64_t>(below), place - below};
}

/// The p-quantile, p in [0, 1], of ascending values without NaN; NaN if there are none.
inline double sorted_quantile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const QuantilePlace place = quantile_place(std::ssize(sorted), p);
  const double below = sorted[static_cast<std::size_t>(place.below)];
  if (place.fraction == 0.0) return below;
  return below + place.fraction * (sorted[static_cast<std::size_t>(place.below) + 1] - below);
}

/// The same of values in any order, by selection, O(n); they are left in another order.
inline double selected_quantile(std::span<double> values, double p) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const QuantilePlace place = quantile_place(std::ssize(values), p);
  const auto at = values.begin() + place.below;
  std::nth_element(values.begin(), at, values.end());
  if (place.fraction == 0.0) return *at;
  const double above = *std::min_element(at + 1, values.end());
  return *at + place.fraction * (above - *at);
}

}  // namespace tenure
