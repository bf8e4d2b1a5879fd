#include "tenure/lifecycle/outcomes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/special/normal.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/quantile.hpp"
#include "tenure/survival/proportion.hpp"

namespace tenure::lifecycle {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void require_valid(const OutcomeRows& rows, std::int64_t groups, const OutcomeOptions& options) {
  const auto n = rows.group.size();
  if (rows.ordered.size() != n || rows.revenue.size() != n)
    throw InvalidInput("group", -1, static_cast<double>(n), "as long as ordered and revenue");
  if (!(options.level > 0.0 && options.level < 1.0))
    throw InvalidInput("level", -1, options.level, "between 0 and 1");
  if (!(options.winsorise >= 0.5 && options.winsorise <= 1.0))
    throw InvalidInput("winsorise", -1, options.winsorise, "between 0.5 and 1");
  for (std::size_t i = 0; i < n; ++i)
    if (rows.group[i] >= groups)
      throw InvalidInput("group", static_cast<std::int64_t>(i), rows.group[i], "below groups");
}

double sum(std::span<const double> values) {
  double total = 0.0;
  for (const double v : values) total += v;
  return total;
}

/// Half the width of the normal interval of a mean: z s / sqrt(n).
double half_width(std::span<const double> values, double mean, double z) {
  const auto n = static_cast<double>(values.size());
  if (n < 2.0) return kNan;
  double squares = 0.0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return z * std::sqrt(squares / (n - 1.0) / n);
}

double winsorised_mean(std::span<const double> sorted, double w) {
  const double low = sorted_quantile(sorted, 1.0 - w), high = sorted_quantile(sorted, w);
  double total = 0.0;
  for (const double v : sorted) total += std::clamp(v, low, high);
  return total / static_cast<double>(sorted.size());
}

}  // namespace

GroupOutcomes group_outcomes(const OutcomeRows& rows, std::int64_t groups,
                             const OutcomeOptions& options) {
  require_valid(rows, groups, options);
  const double z = special::two_sided_z(options.level);
  std::vector<std::vector<double>> revenue(static_cast<std::size_t>(groups));
  GroupOutcomes out;
  out.lost.resize(static_cast<std::size_t>(groups));
  for (std::size_t i = 0; i < rows.group.size(); ++i) {
    revenue[rows.group[i]].push_back(rows.revenue[i]);
    out.lost[rows.group[i]] += rows.ordered[i] == 0;
  }
  for (std::size_t g = 0; g < revenue.size(); ++g) {
    auto& values = revenue[g];
    const auto n = static_cast<double>(values.size());
    const auto interval = survival::wilson(static_cast<double>(out.lost[g]), n, z);
    const double total = sum(values);  // in order of customers, before sorting
    const double mean = n > 0.0 ? total / n : kNan;
    const double half = half_width(values, mean, z);
    std::ranges::sort(values);
    out.customers.push_back(std::ssize(values));
    out.loss.push_back(n > 0.0 ? static_cast<double>(out.lost[g]) / n : kNan);
    out.loss_lower.push_back(interval.lower);
    out.loss_upper.push_back(interval.upper);
    out.revenue.push_back(total);
    out.mean.push_back(mean);
    out.mean_lower.push_back(mean - half);
    out.mean_upper.push_back(mean + half);
    out.median.push_back(sorted_quantile(values, 0.5));
    out.winsorised_mean.push_back(n > 0.0 ? winsorised_mean(values, options.winsorise) : kNan);
  }
  return out;
}

}  // namespace tenure::lifecycle
