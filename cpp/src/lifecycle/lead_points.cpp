#include "tenure/lifecycle/lead_points.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::lifecycle {
namespace {

void require_valid(const events::EventLog& log, const std::vector<PointRule>& rules) {
  if (!log.has_event() && log.rows() > 0)
    throw InvalidInput("log", -1, "the log has no event names");
  if (std::ssize(rules) > kMaxPointRules)
    throw InvalidInput("rules", -1, static_cast<double>(rules.size()), "at most 64");
  for (std::size_t r = 0; r < rules.size(); ++r) {
    const PointRule& rule = rules[r];
    const auto row = static_cast<std::int64_t>(r);
    if (!std::isfinite(rule.points)) throw InvalidInput("points", row, rule.points, "finite");
    if (rule.cap < 0) throw InvalidInput("cap", row, static_cast<double>(rule.cap), ">= 0");
    if (!(rule.half_life >= 0.0) || std::isinf(rule.half_life))
      throw InvalidInput("half_life", row, rule.half_life, "finite and >= 0");
    if (rule.event.size() != rules.front().event.size())
      throw InvalidInput("event", row, static_cast<double>(rule.event.size()),
                         "one flag for each event name");
  }
}

/// By event code: the rules that it counts for, a bit each.
std::vector<std::uint64_t> rules_of_event(const std::vector<PointRule>& rules) {
  std::vector<std::uint64_t> mask(rules.empty() ? 0 : rules.front().event.size(), 0);
  for (std::size_t r = 0; r < rules.size(); ++r)
    for (std::size_t e = 0; e < mask.size(); ++e)
      if (rules[r].event[e] != 0) mask[e] |= std::uint64_t{1} << r;
  return mask;
}

void add_points(const events::CustomerEvents& events, const std::vector<PointRule>& rules,
                std::span<const std::uint64_t> rules_of, std::int64_t at,
                std::span<std::int64_t> left, std::span<double> points) {
  std::uint64_t open = 0;  // rules that still take actions
  for (std::size_t r = 0; r < rules.size(); ++r) {
    left[r] = rules[r].cap;
    if (left[r] > 0) open |= std::uint64_t{1} << r;
  }
  auto i = std::ranges::lower_bound(events.time, at) - events.time.begin();
  while (i-- > 0 && open != 0) {
    const auto row = static_cast<std::size_t>(i);
    for (std::uint64_t hit = rules_of[events.event[row]] & open; hit != 0; hit &= hit - 1) {
      const auto r = static_cast<std::size_t>(std::countr_zero(hit));
      const PointRule& rule = rules[r];
      const auto age = static_cast<double>(at - events.time[row]);
      points[r] +=
          rule.half_life > 0.0 ? rule.points * std::exp2(-age / rule.half_life) : rule.points;
      if (--left[r] == 0) open &= ~(std::uint64_t{1} << r);
    }
  }
}

}  // namespace

Buffer<double> lead_points(const events::EventLog& log, const std::vector<PointRule>& rules,
                           std::int64_t at, const Execution& execution) {
  require_valid(log, rules);
  const std::vector<std::uint64_t> rules_of = rules_of_event(rules);
  const std::size_t width = rules.size();
  Buffer<double> points(log.customers() * std::ssize(rules));
  for_each_block(
      log.customers(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        std::vector<std::int64_t> left(width);
        for (std::int64_t c = first; c < last; ++c) {
          const auto mine = points.span().subspan(static_cast<std::size_t>(c) * width, width);
          std::ranges::fill(mine, 0.0);
          add_points(log[c], rules, rules_of, at, left, mine);
        }
      });
  return points;
}

}  // namespace tenure::lifecycle
