#include "tenure/lifecycle/stages.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "seed_rule.hpp"
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

/// Bits that are ordered as the numbers are; -0 and 0 are one.
std::uint64_t ordered_bits(double v) {
  const auto bits = std::bit_cast<std::uint64_t>(v + 0.0);
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  return bits & kSign ? ~bits : bits | kSign;
}

/// Type-7 quantiles, NaN if there are no values. One count of 16,384 ranges of bits serves all
/// places; only the range that holds a place is selected from.
template <std::size_t N>
std::array<double, N> quantiles(std::span<const double> values, const std::array<double, N>& p,
                                const Execution& execution) {
  std::array<double, N> quantile;
  quantile.fill(std::numeric_limits<double>::quiet_NaN());
  if (values.empty()) return quantile;
  const auto [least, most] = std::ranges::minmax(values);
  const std::uint64_t low = ordered_bits(least);
  const int shift = std::max(0, static_cast<int>(std::bit_width(ordered_bits(most) - low)) - 14);
  const auto range = [&](double v) { return (ordered_bits(v) - low) >> shift; };
  std::vector<std::int64_t> count(std::size_t{1} << 14);
  for (const double v : values) ++count[range(v)];
  std::vector<double> inside;
  for (std::size_t i = 0; i < N; ++i) {
    execution.poll();
    const QuantilePlace place = quantile_place(std::ssize(values), p[i]);
    std::int64_t rank = place.below;
    std::size_t chosen = 0;
    for (; rank >= count[chosen]; ++chosen) rank -= count[chosen];
    inside.clear();
    for (const double v : values)
      if (range(v) == chosen) inside.push_back(v);
    const auto at = inside.begin() + rank;
    std::nth_element(inside.begin(), at, inside.end());
    quantile[i] = *at;
    if (place.fraction == 0.0) continue;
    double above = std::numeric_limits<double>::infinity();
    if (at + 1 != inside.end()) {
      above = *std::min_element(at + 1, inside.end());
    } else {  // the next value lies beyond the range
      for (const double v : values)
        if (range(v) > chosen) above = std::min(above, v);
    }
    quantile[i] += place.fraction * (above - *at);
  }
  return quantile;
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

}  // namespace

std::uint8_t seed_rule(const Snapshot& s, const Calibration& cut, const Standing& standing,
                       bool identified) {
  const std::int64_t n = s.orders;
  if (n == 0) return identified ? kLead : kVisitor;
  const double r = static_cast<double>(s.days_since_last);
  const bool repeated = n >= 2;
  if (repeated && r <= cut.new_days && s.last_gap > standing.lapsed_days) return kReactivated;
  if (!repeated && r <= cut.new_days) return kNew;

  const double f = static_cast<double>(s.window_orders), m = s.window_value;
  const bool loyal = repeated && f >= cut.frequency_cuts[0] && m >= cut.value_cuts[1];
  if (standing.zone == Zone::active) {
    if (!repeated) return kRecentOnce;
    if (f >= cut.frequency_cuts[1] && m >= cut.value_cuts[2]) return kChampion;
    if (loyal) return kLoyal;
    if (n <= 3 && s.mean_gap > standing.active_days) return kRecentSlow;
    return m >= cut.value_cuts[0] ? kPotentialLoyalist : kPromising;
  }
  if (standing.zone == Zone::lost) return kLost;
  if (!repeated) return kOneTimeLapsed;
  return loyal ? kCantLose : kAtRisk;
}

Standing standing_by_silence(std::int64_t days_since_last, double active_days, double lapsed_days) {
  const double r = static_cast<double>(days_since_last);
  const Zone zone = r <= active_days ? Zone::active : r <= lapsed_days ? Zone::lapsing : Zone::lost;
  return {zone, active_days, lapsed_days};
}

Calibration calibrate(CalibrationSample&& sample, const CalibrationOptions& options,
                      const Execution& execution) {
  if (options.min_repeaters < 0)
    throw InvalidInput("min_repeaters", -1, static_cast<double>(options.min_repeaters), ">= 0");
  Calibration c{};
  double days = 0.0;
  for (std::size_t g = 0; g < sample.gaps.size(); ++g) {
    c.gaps += sample.gaps[g];
    days += static_cast<double>(g) * static_cast<double>(sample.gaps[g]);
  }
  c.mean_gap = days / static_cast<double>(c.gaps);
  c.fallback = std::ssize(sample.value) < std::max<std::int64_t>(options.min_repeaters, 1);
  if (c.fallback)
    sample.value.insert(sample.value.end(), sample.idle_value.begin(), sample.idle_value.end());
  c.repeaters = std::ssize(sample.value);

  const auto gap = [&](double p) { return histogram_quantile(sample.gaps, c.gaps, p); };
  c.new_days = options.new_days;
  c.active_days =
      options.active_days.value_or(std::max(c.fallback ? 90.0 : gap(0.8), c.new_days + 1.0));
  c.lapsed_days =
      options.lapsed_days.value_or(std::max(c.fallback ? 180.0 : gap(0.95), c.active_days + 1.0));
  const auto orders = [&](double p) { return histogram_quantile(sample.orders, c.repeaters, p); };
  c.frequency_cuts = options.frequency_cuts.value_or(
      c.fallback ? std::array{2.0, 4.0} : std::array{orders(0.5), orders(0.8)});
  c.value_cuts = options.value_cuts.value_or(
      quantiles(std::span<const double>(sample.value), std::array{0.4, 0.6, 0.8}, execution));
  require_valid(c);
  return c;
}

Calibration calibrate(const CustomerFacts& facts, const CalibrationOptions& options,
                      const Execution& execution) {
  CalibrationSample sample;
  sample.gaps = facts.gaps;
  for (std::int64_t c = 0; c < facts.customers(); ++c) {
    if (c % kBlockRows == 0) execution.poll();
    if (facts.orders[c] >= 2) add_repeater(sample, facts.window_orders[c], facts.window_value[c]);
  }
  return calibrate(std::move(sample), options, execution);
}

void add_repeater(CalibrationSample& sample, std::int64_t window_orders, double window_value) {
  if (window_orders == 0) {
    sample.idle_value.push_back(window_value);
    return;
  }
  const auto f = static_cast<std::size_t>(window_orders);
  if (f >= sample.orders.size()) sample.orders.resize(f + 1);
  ++sample.orders[f];
  sample.value.push_back(window_value);
}

std::span<const StageRule> seed_rules() { return kSeed; }

std::vector<std::uint8_t> assign_stages(const CustomerFacts& facts, const Calibration& calibration,
                                        std::span<const std::uint8_t> identified) {
  if (std::ssize(identified) != facts.customers())
    throw InvalidInput("identified", -1, static_cast<double>(identified.size()),
                       "as long as the customers");
  std::vector<std::uint8_t> rules(identified.size());
  for (std::int64_t c = 0; c < facts.customers(); ++c) {
    Snapshot s;
    s.orders = facts.orders[c];
    s.days_since_last = facts.days_since_last[c];
    s.mean_gap = facts.mean_gap[c];
    s.last_gap = facts.last_gap[c];
    s.window_orders = facts.window_orders[c];
    s.window_value = facts.window_value[c];
    const auto row = static_cast<std::size_t>(c);
    rules[row] = seed_rule(
        s, calibration,
        standing_by_silence(s.days_since_last, calibration.active_days, calibration.lapsed_days),
        identified[row] != 0);
  }
  return rules;
}

}  // namespace tenure::lifecycle
