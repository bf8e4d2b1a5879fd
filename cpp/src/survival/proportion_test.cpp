#include "tenure/survival/proportion_test.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "tenure/special/chi_square.hpp"
#include "tenure/special/normal.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/survival/proportion.hpp"

namespace tenure::survival {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void require_counts(std::span<const double> k, std::span<const double> n) {
  if (k.size() != n.size())
    throw InvalidInput("n", -1, static_cast<double>(n.size()), "as long as k");
  for (std::size_t i = 0; i < k.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (n[i] < 0.0 || std::isinf(n[i])) throw InvalidInput("n", row, n[i], "finite and >= 0");
    if (k[i] < 0.0 || k[i] > n[i]) throw InvalidInput("k", row, k[i], ">= 0 and <= n");
  }
}

/// (p1 - p2) / its standard error under p1 = p2. From counts: p1 - p2 as one quotient keeps equal
/// shares at exactly 0.
double score(double k1, double n1, double k2, double n2) {
  const double n = n1 + n2, k = k1 + k2;
  const double spread = k * (n - k);
  if (!(spread > 0.0)) return 0.0;
  return (k1 * n2 - k2 * n1) * std::sqrt(n / (n1 * n2)) / std::sqrt(spread);
}

}  // namespace

ProportionDifferences compare_proportions(const ProportionPairs& pairs, double level) {
  require_counts(pairs.k1, pairs.n1);
  require_counts(pairs.k2, pairs.n2);
  if (pairs.k1.size() != pairs.k2.size())
    throw InvalidInput("k2", -1, static_cast<double>(pairs.k2.size()), "as long as k1");
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput("level", -1, level, "between 0 and 1");
  const double zeta = special::two_sided_z(level);
  const std::size_t size = pairs.k1.size();
  ProportionDifferences out{std::vector<double>(size, kNan), std::vector<double>(size, kNan),
                            std::vector<double>(size, kNan), std::vector<double>(size, kNan),
                            std::vector<double>(size, kNan)};
  for (std::size_t i = 0; i < size; ++i) {
    const double k1 = pairs.k1[i], n1 = pairs.n1[i], k2 = pairs.k2[i], n2 = pairs.n2[i];
    if (!(n1 > 0.0 && n2 > 0.0) || std::isnan(k1) || std::isnan(k2)) continue;
    const double p1 = k1 / n1, p2 = k2 / n2;
    const Interval a = wilson(k1, n1, zeta), b = wilson(k2, n2, zeta);
    const double d = p1 - p2;
    out.difference[i] = d;
    out.lower[i] = std::fmax(-1.0, d - std::hypot(p1 - a.lower, b.upper - p2));
    out.upper[i] = std::fmin(1.0, d + std::hypot(a.upper - p1, p2 - b.lower));
    out.z[i] = score(k1, n1, k2, n2);
    out.p_value[i] = std::erfc(std::fabs(out.z[i]) / std::numbers::sqrt2);
  }
  return out;
}

Homogeneity proportion_homogeneity(std::span<const double> k, std::span<const double> n,
                                   std::int64_t groups) {
  require_counts(k, n);
  if (groups < 1 || std::ssize(k) % groups != 0)
    throw InvalidInput("groups", -1, static_cast<double>(groups), "a divisor of the counts");
  const auto width = static_cast<std::size_t>(groups);
  Homogeneity out;
  for (std::size_t first = 0; first < k.size(); first += width) {
    const auto counts = [&](std::size_t i) { return n[i] > 0.0 && !std::isnan(k[i]); };
    double all = 0.0, counted = 0.0;
    std::int64_t found = 0;
    for (std::size_t i = first; i < first + width; ++i) {
      if (!counts(i)) continue;
      ++found;
      all += n[i];
      counted += k[i];
    }
    double statistic = 0.0;
    const double spread = counted * (all - counted);
    for (std::size_t i = first; i < first + width && spread > 0.0; ++i) {
      if (!counts(i)) continue;
      const double off = k[i] * all - n[i] * counted;
      statistic += off / n[i] * (off / spread);
    }
    const std::int64_t df = found > 0 ? found - 1 : 0;
    out.statistic.push_back(statistic);
    out.df.push_back(df);
    out.p_value.push_back(df > 0 ? special::chi_square_survival(statistic, static_cast<double>(df))
                                 : 1.0);
  }
  return out;
}

}  // namespace tenure::survival
