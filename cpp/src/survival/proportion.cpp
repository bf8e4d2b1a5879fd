#include "tenure/survival/proportion.hpp"

#include <cmath>
#include <limits>

#include "tenure/special/normal.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::survival {

Interval wilson(double k, double n, double z) {
  if (!(n > 0.0) || std::isnan(k)) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return {kNan, kNan};
  }
  const double z2 = z * z;
  const double centre = k + 0.5 * z2;
  const double half = z * std::sqrt(k * ((n - k) / n) + 0.25 * z2);
  // The product of the two limits is k^2 / (n (n + z^2)): dividing by the large one keeps all
  // digits of the small one, where centre - half would cancel.
  return {k * k / (n * (centre + half)), k == n ? 1.0 : (centre + half) / (n + z2)};
}

Intervals wilson_intervals(std::span<const double> k, std::span<const double> n, double level) {
  if (k.size() != n.size())
    throw InvalidInput("n", -1, static_cast<double>(n.size()), "as long as k");
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput("level", -1, level, "between 0 and 1");
  const double z = special::two_sided_z(level);
  Intervals out{std::vector<double>(k.size()), std::vector<double>(k.size())};
  for (std::size_t i = 0; i < k.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (n[i] < 0.0) throw InvalidInput("n", row, n[i], ">= 0");
    if (k[i] < 0.0 || k[i] > n[i]) throw InvalidInput("k", row, k[i], ">= 0 and <= n");
    const Interval interval = wilson(k[i], n[i], z);
    out.lower[i] = interval.lower;
    out.upper[i] = interval.upper;
  }
  return out;
}

}  // namespace tenure::survival
