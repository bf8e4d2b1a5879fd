#include "tenure/journey/funnel_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "reach.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/quantile.hpp"
#include "tenure/survival/curve_limits.hpp"
#include "tenure/survival/kaplan_meier.hpp"
#include "tenure/survival/proportion.hpp"

namespace tenure::journey {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The chosen units, in their order.
class Chosen {
 public:
  Chosen(const FunnelUnits& units, std::optional<std::span<const std::int64_t>> rows)
      : size_(rows ? std::ssize(*rows) : std::ssize(units.reached)), rows_(rows) {}

  std::int64_t size() const { return size_; }
  std::size_t operator[](std::int64_t i) const {
    return static_cast<std::size_t>(rows_ ? (*rows_)[static_cast<std::size_t>(i)] : i);
  }

 private:
  std::int64_t size_;
  std::optional<std::span<const std::int64_t>> rows_;
};

struct Times {
  std::vector<double> time, lag;  ///< of units at the step
  std::vector<double> waiting;    ///< of those that may still come
};

Times times_of(const FunnelUnits& units, const Chosen& chosen, int step,
               const Execution& execution) {
  Times out;
  const auto& time = units.time[static_cast<std::size_t>(step - 1)];
  const auto& lag = units.lag[static_cast<std::size_t>(step - 1)];
  for (std::int64_t i = 0; i < chosen.size(); ++i) {
    if (i % 65536 == 0) execution.poll();
    const std::size_t u = chosen[i];
    if (units.reached[u] & bit_of(step)) {
      out.time.push_back(static_cast<double>(time[u]));
      out.lag.push_back(static_cast<double>(lag[u]));
    } else if (time[u] != kClosed) {
      out.waiting.push_back(static_cast<double>(time[u]));
    }
  }
  return out;
}

void add_quantiles(std::vector<double>& out, std::vector<double>& values,
                   std::span<const double> p) {
  for (const double q : p) out.push_back(selected_quantile(values, q));
}

struct Estimate {
  double value, lower, upper;
};

/// 1 - S at the end of the window.
Estimate reached_by(const Times& times, std::int64_t units, std::int64_t window,
                    std::int64_t longest, double level, const Execution& execution) {
  const bool endless = window >= kNoWindow;
  const auto end = static_cast<double>(endless ? longest : window);
  std::vector<double> duration = times.time;
  std::vector<std::uint8_t> came(times.time.size(), 1);
  duration.insert(duration.end(), times.waiting.begin(), times.waiting.end());
  duration.resize(static_cast<std::size_t>(units), end);  // decided: watched to the end, not come
  came.resize(duration.size(), 0);
  const survival::SurvivalCurve curve = survival::kaplan_meier({duration, came}, execution);
  const double last = curve.survival.empty() ? 1.0 : curve.survival.back();
  if (!endless && curve.last_time < end && last > 0.0) return {kNan, kNan, kNan};
  if (curve.survival.empty()) return {0.0, kNan, kNan};
  const survival::CurveLimits limits =
      survival::curve_limits({curve.time, curve.survival, curve.greenwood},
                             survival::LimitScale::log_log, level, execution);
  return {1.0 - last, 1.0 - limits.upper.back(), 1.0 - limits.lower.back()};
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
  FunnelTable out;
  std::vector<double> counts, bases, before;
  double base = 0.0;
  for (int k = 0; k < units.steps; ++k) {
    Times times;
    std::int64_t count = chosen.size();
    if (k > 0) {
      times = times_of(units, chosen, k, execution);
      count = std::ssize(times.time);
    }
    out.count.push_back(count);
    out.open.push_back(std::ssize(times.waiting));
    counts.push_back(static_cast<double>(count));
    bases.push_back(static_cast<double>(chosen.size()));
    before.push_back(k == 0 ? kNan : base);
    if (!(options.optional & bit_of(k))) base = static_cast<double>(count);
    add_quantiles(out.time_quantile, times.time, options.quantile);
    add_quantiles(out.lag_quantile, times.lag, options.quantile);
    out.final_rate.push_back(kNan);
    out.final_lower.push_back(kNan);
    out.final_upper.push_back(kNan);
    if (!times.waiting.empty()) {
      const auto e = reached_by(times, chosen.size(), options.window[static_cast<std::size_t>(k)],
                                options.longest, options.level, execution);
      out.final_rate.back() = e.value;
      out.final_lower.back() = e.lower;
      out.final_upper.back() = e.upper;
    }
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
