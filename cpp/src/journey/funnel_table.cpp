#include "tenure/journey/funnel_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "reach.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/quantile.hpp"
#include "tenure/survival/curve_limits.hpp"
#include "tenure/survival/proportion.hpp"

namespace tenure::journey {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Which units count: all, or those of a list.
class Chosen {
 public:
  Chosen(const FunnelUnits& units, std::optional<std::span<const std::int64_t>> rows)
      : size_(std::ssize(units.reached)) {
    if (!rows) return;
    size_ = std::ssize(*rows);
    times_.resize(units.reached.size());
    for (const std::int64_t row : *rows) times_[static_cast<std::size_t>(row)] = 1;
  }

  std::int64_t size() const { return size_; }
  bool operator()(std::int64_t unit) const {
    return times_.empty() || times_[static_cast<std::size_t>(unit)] != 0;
  }

 private:
  std::int64_t size_;
  std::vector<std::uint8_t> times_;
};

struct Times {
  std::vector<double> time, lag;  ///< of units at the step
  std::vector<double> waiting;    ///< of those that may still come
};

Times times_of(const FunnelUnits::Times& all, const Chosen& chosen, const Execution& execution) {
  Times out;
  for (std::size_t i = 0; i < all.unit.size(); ++i) {
    if (i % 65536 == 0) execution.poll();
    if (!chosen(all.unit[i])) continue;
    if (all.lag[i] == FunnelUnits::kNotYet) {
      out.waiting.push_back(static_cast<double>(all.time[i]));
    } else {
      out.time.push_back(static_cast<double>(all.time[i]));
      out.lag.push_back(static_cast<double>(all.lag[i]));
    }
  }
  return out;
}

struct Estimate {
  double value, lower, upper;
};

/// 1 - S at the end of the window, S the product-limit estimate. Between two censorings its factors
/// telescope, and so do the terms of Greenwood's sum, d / (n (n - d)) = 1 / (n - d) - 1 / n: only
/// the times that are censored need an order. O(units log(waiting)).
Estimate reached_by(const Times& times, std::int64_t units, std::int64_t window,
                    std::int64_t longest, double level, const Execution& execution) {
  const bool endless = window >= kNoWindow;
  std::vector<double> waiting = times.waiting;
  std::ranges::sort(waiting);
  std::vector<std::int64_t> came(waiting.size() + 1);  // by the first censoring not before it
  double last_time = 0.0;
  for (const double t : times.time) {
    ++came[static_cast<std::size_t>(std::ranges::lower_bound(waiting, t) - waiting.begin())];
    last_time = std::max(last_time, t);
  }
  auto at_risk = static_cast<double>(units);
  double survival = 1.0, greenwood = 0.0;
  for (std::size_t i = 0; i < came.size(); ++i) {
    if (const auto d = static_cast<double>(came[i]); d > 0.0) {
      survival *= (at_risk - d) / at_risk;
      greenwood += d / (at_risk * (at_risk - d));
      at_risk -= d;
    }
    at_risk -= 1.0;
  }
  const bool decided = units > std::ssize(times.time) + std::ssize(waiting);
  const double watched = decided ? static_cast<double>(endless ? longest : window)
                                 : std::max(last_time, waiting.empty() ? 0.0 : waiting.back());
  if (!endless && watched < static_cast<double>(window) && survival > 0.0)
    return {kNan, kNan, kNan};
  if (times.time.empty()) return {0.0, kNan, kNan};
  const survival::CurveLimits limits =
      survival::curve_limits({{&last_time, 1}, {&survival, 1}, {&greenwood, 1}},
                             survival::LimitScale::log_log, level, execution);
  return {1.0 - survival, 1.0 - limits.upper.back(), 1.0 - limits.lower.back()};
}

/// Of the units that were open at a step at the landmark.
struct Then {
  std::int64_t open = 0, came = 0;
  std::int64_t came_later = 0;  ///< by a chain that began since
  std::int64_t open_again = 0;  ///< did not come, and are open now
};

Then then_of(const FunnelUnits& units, std::size_t step, const Chosen& chosen,
             const Execution& execution) {
  const FunnelUnits::Times& now = units.at[step - 1];
  const Steps bit = bit_of(static_cast<int>(step));
  Then then;
  std::size_t j = 0;
  for (std::size_t i = 0; i < units.then.size(); ++i) {
    if (i % 65536 == 0) execution.poll();
    const FunnelUnits::Landmark& l = units.then[i];
    if (!(l.open & bit) || !chosen(l.unit)) continue;
    ++then.open;
    if (l.came & bit) {
      ++then.came;
      continue;
    }
    while (j < now.unit.size() && now.unit[j] < l.unit) ++j;
    if (j == now.unit.size() || now.unit[j] != l.unit) continue;
    ++(now.lag[j] == FunnelUnits::kNotYet ? then.open_again : then.came_later);
  }
  return then;
}

/// f = c + o r; c, o: shares that came and are open now; r: share of those open then that came.
/// With x, y, t, z: a unit came, is open now, was open then, came of these, its share in f - E f is
/// x + y r - f + (o / q) t (z - r), q the share open then. The variance of f is the mean of its
/// square over n.
Estimate by_landmark(std::int64_t came, std::int64_t open, std::int64_t units, const Then& then,
                     double level, const Execution& execution) {
  if (then.open == 0) return {kNan, kNan, kNan};
  const auto c = static_cast<double>(came), o = static_cast<double>(open);
  const auto n = static_cast<double>(units), m = static_cast<double>(then.open);
  const auto z = static_cast<double>(then.came);
  const double r = z / m, smoothed = (z + 1.0) / (m + 2.0);
  const double f = (c + o * r) / n, last_time = 0.0, survival = 1.0 - f;
  if (!(f > 0.0 && f < 1.0)) return {f, kNan, kNan};
  const double own = c + o * r * r - n * f * f;
  const double both = (z * (1.0 - r) - r * (static_cast<double>(then.came_later) +
                                            r * static_cast<double>(then.open_again))) *
                      o / m;
  const double variance = (own + 2.0 * both + o * o * smoothed * (1.0 - smoothed) / m) / (n * n);
  const double greenwood = std::max(variance, 0.0) / (survival * survival);
  const survival::CurveLimits limits =
      survival::curve_limits({{&last_time, 1}, {&survival, 1}, {&greenwood, 1}},
                             survival::LimitScale::log_log, level, execution);
  return {f, 1.0 - limits.upper.back(), 1.0 - limits.lower.back()};
}

}  // namespace

FunnelTable funnel_table(const FunnelUnits& units,
                         std::optional<std::span<const std::int64_t>> rows,
                         const FunnelTableOptions& options, const Execution& execution) {
  const auto n = std::ssize(units.reached);
  if (std::ssize(options.window) != units.steps)
    throw InvalidInput("window", -1, std::string("must have one entry a step"));
  for (const double p : options.quantile)
    if (!(p >= 0.0 && p <= 1.0)) throw InvalidInput("quantiles", -1, p, "in [0, 1]");
  if (rows)
    for (const std::int64_t row : *rows)
      if (row < 0 || row >= n) throw InvalidInput("rows", row, std::string("is no unit"));

  const Chosen chosen(units, rows);
  const auto steps = static_cast<std::size_t>(units.steps);
  const std::size_t quantiles = options.quantile.size();
  FunnelTable out;
  out.count.assign(steps, chosen.size());
  out.open.assign(steps, 0);
  out.time_quantile.assign(steps * quantiles, kNan);
  out.lag_quantile.assign(steps * quantiles, kNan);
  for (auto* rates : {&out.final_rate, &out.final_lower, &out.final_upper})
    rates->assign(steps, kNan);
  for_each_task(units.steps - 1, execution, [&](std::int64_t task) {
    const auto k = static_cast<std::size_t>(task) + 1;
    Times times = times_of(units.at[k - 1], chosen, execution);
    out.count[k] = std::ssize(times.time);
    out.open[k] = std::ssize(times.waiting);
    if (!times.waiting.empty()) {
      const auto e = options.landmark ? by_landmark(out.count[k], out.open[k], chosen.size(),
                                                    then_of(units, k, chosen, execution),
                                                    options.level, execution)
                                      : reached_by(times, chosen.size(), options.window[k],
                                                   options.longest, options.level, execution);
      out.final_rate[k] = e.value;
      out.final_lower[k] = e.lower;
      out.final_upper[k] = e.upper;
    }
    for (std::size_t q = 0; q < quantiles; ++q) {
      const double p = options.quantile[q];
      out.time_quantile[k * quantiles + q] = selected_quantile(times.time, p);
      out.lag_quantile[k * quantiles + q] = selected_quantile(times.lag, p);
    }
  });

  std::vector<double> counts, bases, before;
  double base = 0.0;
  for (int k = 0; k < units.steps; ++k) {
    const auto count = static_cast<double>(out.count[static_cast<std::size_t>(k)]);
    counts.push_back(count);
    bases.push_back(static_cast<double>(chosen.size()));
    before.push_back(k == 0 ? kNan : base);
    if (!(options.optional & bit_of(k))) base = count;
  }
  auto whole = survival::wilson_intervals(counts, bases, options.level);
  auto step = survival::wilson_intervals(counts, before, options.level);
  for (std::size_t k = 0; k < counts.size(); ++k) {
    out.rate.push_back(bases[k] > 0.0 ? counts[k] / bases[k] : kNan);
    out.step_rate.push_back(before[k] > 0.0 ? counts[k] / before[k] : kNan);
    if (out.open[k] > 0) continue;
    out.final_rate[k] = out.rate[k];
    out.final_lower[k] = whole.lower[k];
    out.final_upper[k] = whole.upper[k];
  }
  out.lower = std::move(whole.lower);
  out.upper = std::move(whole.upper);
  out.step_lower = std::move(step.lower);
  out.step_upper = std::move(step.upper);
  return out;
}

}  // namespace tenure::journey
