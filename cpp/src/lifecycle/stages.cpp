#include "tenure/lifecycle/stages.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/quantile.hpp"

namespace tenure::lifecycle {
namespace {

/// The p-quantile of values given as counts by whole number; there is at least one.
double histogram_quantile(const std::vector<std::int64_t>& count, std::int64_t total, double p) {
  const QuantilePlace place = quantile_place(total, p);
  std::int64_t seen = 0;
  std::size_t below = 0;
  while ((seen += count[below]) <= place.below) ++below;
  if (place.fraction == 0.0 || seen > place.below + 1) return static_cast<double>(below);
  std::size_t above = below + 1;
  while (count[above] == 0) ++above;
  return static_cast<double>(below) + place.fraction * static_cast<double>(above - below);
}

struct Repeaters {
  std::vector<double> orders, value;  ///< in the window
};

Repeaters repeaters(const CustomerFacts& facts, std::int64_t least_window_orders,
                    const Execution& execution) {
  Repeaters r;
  for (std::int64_t c = 0; c < facts.customers(); ++c) {
    if (c % kBlockRows == 0) execution.poll();
    if (facts.orders[c] >= 2 && facts.window_orders[c] >= least_window_orders) {
      r.orders.push_back(static_cast<double>(facts.window_orders[c]));
      r.value.push_back(facts.window_value[c]);
    }
  }
  return r;
}

void require_valid(const Calibration& c) {
  if (!(c.new_days > 0.0 && std::isfinite(c.new_days)))
    throw InvalidInput("new_days", -1, c.new_days, "finite and > 0");
  if (!(c.active_days > c.new_days && std::isfinite(c.active_days)))
    throw InvalidInput("active_days", -1, c.active_days, "finite and > new_days");
  if (!(c.lapsed_days > c.active_days && std::isfinite(c.lapsed_days)))
    throw InvalidInput("lapsed_days", -1, c.lapsed_days, "finite and > active_days");
  // Cuts of M are NaN where nobody bought twice: then no customer is compared with them.
  if (!(c.frequency_cuts[0] <= c.frequency_cuts[1]))
    throw InvalidInput("frequency_cuts", -1, c.frequency_cuts[1], ">= the cut before it");
  for (std::size_t i = 1; i < c.value_cuts.size(); ++i)
    if (c.value_cuts[i] < c.value_cuts[i - 1])
      throw InvalidInput("value_cuts", -1, c.value_cuts[i], ">= the cut before it");
}

enum Rule : std::uint8_t {
  kVisitor,
  kLead,
  kReactivated,
  kNew,
  kChampion,
  kLoyal,
  kRecentOnce,
  kRecentSlow,
  kPotentialLoyalist,
  kPromising,
  kCantLose,
  kAtRisk,
  kOneTimeLapsed,
  kLost,
  kRules
};

constexpr std::array<StageRule, kRules> kSeed{{
    {"visitor", "acquiring", "reach", "n = 0, no contact key"},
    {"lead", "acquiring", "acquisition", "n = 0, identified"},
    {"reactivated", "reactivating", "retention", "n >= 2, r <= N, gap before it > L"},
    {"new", "retaining", "conversion", "n = 1, r <= N"},
    {"champion", "cherishing", "loyalty", "n >= 2, r <= A, F >= q80, M >= q80"},
    {"loyal", "cherishing", "loyalty", "n >= 2, r <= A, F >= q50, M >= q60"},
    {"recent", "retaining", "retention", "n = 1, N < r <= A"},
    {"recent", "retaining", "retention", "n in 2..3, mean gap > A, r <= A"},
    {"potential loyalist", "increasing value", "development", "n >= 2, r <= A, M >= q40"},
    {"promising", "increasing value", "development", "n >= 2, r <= A"},
    {"can't lose", "reactivating", "retention", "n >= 2, A < r <= L, F >= q50, M >= q60"},
    {"at risk", "reactivating", "lapsed", "n >= 2, A < r <= L"},
    {"one-time lapsed", "reactivating", "lapsed", "n = 1, A < r <= L"},
    {"lost", "reactivating", "lapsed", "r > L"},
}};

Rule rule_of(const CustomerFacts& facts, std::int64_t c, const Calibration& cut, bool identified) {
  const std::int64_t n = facts.orders[c];
  if (n == 0) return identified ? kLead : kVisitor;
  const double r = static_cast<double>(facts.days_since_last[c]);
  const bool repeated = n >= 2;
  if (repeated && r <= cut.new_days && facts.last_gap[c] > cut.lapsed_days) return kReactivated;
  if (!repeated && r <= cut.new_days) return kNew;

  const double f = static_cast<double>(facts.window_orders[c]), m = facts.window_value[c];
  const bool loyal = repeated && f >= cut.frequency_cuts[0] && m >= cut.value_cuts[1];
  if (r <= cut.active_days) {
    if (!repeated) return kRecentOnce;
    if (f >= cut.frequency_cuts[1] && m >= cut.value_cuts[2]) return kChampion;
    if (loyal) return kLoyal;
    if (n <= 3 && facts.mean_gap[c] > cut.active_days) return kRecentSlow;
    return m >= cut.value_cuts[0] ? kPotentialLoyalist : kPromising;
  }
  if (r > cut.lapsed_days) return kLost;
  if (!repeated) return kOneTimeLapsed;
  return loyal ? kCantLose : kAtRisk;
}

}  // namespace

Calibration calibrate(const CustomerFacts& facts, const CalibrationOptions& options,
                      const Execution& execution) {
  if (options.min_repeaters < 0)
    throw InvalidInput("min_repeaters", -1, static_cast<double>(options.min_repeaters), ">= 0");
  Repeaters base = repeaters(facts, 1, execution);
  Calibration c{};
  c.gaps = std::accumulate(facts.gaps.begin(), facts.gaps.end(), std::int64_t{0});
  c.fallback = std::ssize(base.orders) < std::max<std::int64_t>(options.min_repeaters, 1);
  if (c.fallback) base = repeaters(facts, 0, execution);
  c.repeaters = std::ssize(base.orders);

  const auto gap = [&](double p) { return histogram_quantile(facts.gaps, c.gaps, p); };
  c.new_days = options.new_days;
  c.active_days =
      options.active_days.value_or(std::max(c.fallback ? 90.0 : gap(0.8), c.new_days + 1.0));
  c.lapsed_days =
      options.lapsed_days.value_or(std::max(c.fallback ? 180.0 : gap(0.95), c.active_days + 1.0));
  const auto quantile = [&](std::vector<double>& values, double p) {
    execution.poll();
    return selected_quantile(values, p);
  };
  const auto orders = [&](double p) { return quantile(base.orders, p); };
  const auto value = [&](double p) { return quantile(base.value, p); };
  c.frequency_cuts = options.frequency_cuts.value_or(
      c.fallback ? std::array{2.0, 4.0} : std::array{orders(0.5), orders(0.8)});
  c.value_cuts = options.value_cuts.value_or(std::array{value(0.4), value(0.6), value(0.8)});
  require_valid(c);
  return c;
}

std::span<const StageRule> seed_rules() { return kSeed; }

std::vector<std::uint8_t> assign_stages(const CustomerFacts& facts, const Calibration& calibration,
                                        std::span<const std::uint8_t> identified) {
  if (std::ssize(identified) != facts.customers())
    throw InvalidInput("identified", -1, static_cast<double>(identified.size()),
                       "as long as the customers");
  std::vector<std::uint8_t> rules(identified.size());
  for (std::int64_t c = 0; c < facts.customers(); ++c) {
    const auto row = static_cast<std::size_t>(c);
    rules[row] = rule_of(facts, c, calibration, identified[row] != 0);
  }
  return rules;
}

}  // namespace tenure::lifecycle
