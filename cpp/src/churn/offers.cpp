#include "tenure/churn/offers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "descending.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// From one offer of a customer's hull to the next dearer one.
struct Step {
  std::int64_t customer;
  std::int32_t offer;
  double cost, gain;
};

std::int64_t require_valid(const OfferTable& table, double budget) {
  if (table.offers < 1) throw InvalidInput("offers", -1, static_cast<double>(table.offers), ">= 1");
  if (table.cost.size() != table.gain.size())
    throw InvalidInput("cost", -1, static_cast<double>(table.cost.size()), "one a gain");
  if (std::ssize(table.gain) % table.offers != 0)
    throw InvalidInput("gain", -1, static_cast<double>(table.gain.size()), "one an offer");
  if (!(budget >= 0.0)) throw InvalidInput("budget", -1, budget, ">= 0");
  for (std::int64_t cell = 0; cell < std::ssize(table.gain); ++cell) {
    const auto at = static_cast<std::size_t>(cell);
    if (!std::isfinite(table.gain[at]))
      throw InvalidInput("gain", cell / table.offers, table.gain[at], "finite");
    if (!(table.cost[at] >= 0.0 && std::isfinite(table.cost[at])))
      throw InvalidInput("cost", cell / table.offers, table.cost[at], "finite and >= 0");
  }
  return std::ssize(table.gain) / table.offers;
}

double reward(double gain, double cost) { return cost > 0.0 ? gain / cost : kInfinity; }

/// Appends the steps up the hull from (0, 0), each less rewarding than the one before it.
void append_hull(std::span<const double> gain, std::span<const double> cost, std::int64_t customer,
                 std::vector<std::int32_t>& order, std::vector<Step>& steps) {
  order.clear();
  for (std::int32_t k = 0; k < std::ssize(gain); ++k)
    if (gain[static_cast<std::size_t>(k)] > 0.0) order.push_back(k);
  std::ranges::sort(order, [&](std::int32_t a, std::int32_t b) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    if (cost[i] != cost[j]) return cost[i] < cost[j];
    return gain[i] != gain[j] ? gain[i] > gain[j] : a < b;
  });
  const std::size_t first = steps.size();
  double at_cost = 0.0, at_gain = 0.0;  // of the last corner of the hull
  for (const std::int32_t k : order) {
    const double c = cost[static_cast<std::size_t>(k)], g = gain[static_cast<std::size_t>(k)];
    if (g <= at_gain) continue;  // dearer and no better
    double dc = c - at_cost, dg = g - at_gain;
    while (steps.size() > first && reward(dg, dc) >= reward(steps.back().gain, steps.back().cost)) {
      dc += steps.back().cost;
      dg += steps.back().gain;
      steps.pop_back();
    }
    steps.push_back({customer, k + 1, dc, dg});
    at_cost = c;
    at_gain = g;
  }
}

}  // namespace

OfferChoice choose_offers(const OfferTable& table, double budget, const Execution& execution) {
  const std::int64_t customers = require_valid(table, budget);
  const auto width = static_cast<std::size_t>(table.offers);
  std::vector<Step> steps;
  std::vector<std::int32_t> order;
  for (std::int64_t i = 0; i < customers; ++i) {
    if (i % kPollRows == 0) execution.poll();
    const std::size_t at = static_cast<std::size_t>(i) * width;
    append_hull(table.gain.subspan(at, width), table.cost.subspan(at, width), i, order, steps);
  }
  std::vector<double> rewards;
  rewards.reserve(steps.size());
  for (const Step& step : steps) rewards.push_back(reward(step.gain, step.cost));
  // Stable: equal rewards stay in the order of rows, and a customer's steps in that of the hull.
  const Buffer<KeyedRow> by_reward = descending(rewards, execution);

  OfferChoice choice;
  choice.offer = Buffer<std::int32_t>(customers);
  std::ranges::fill(choice.offer.span(), 0);
  std::vector<bool> closed(static_cast<std::size_t>(customers));
  // A budget of 100 buys a thousand contacts of 0.1, whose sum rounds to a little more.
  const double limit = budget * (1.0 + 1e-12);
  bool binds = false;
  for (std::int64_t k = 0; k < by_reward.size(); ++k) {
    if (k % kPollRows == 0) execution.poll();
    const Step& step = steps[static_cast<std::size_t>(by_reward[k].row)];
    const auto customer = static_cast<std::size_t>(step.customer);
    if (closed[customer]) continue;
    if (choice.cost + step.cost <= limit) {
      choice.cost += step.cost;
      choice.gain += step.gain;
      choice.offer[step.customer] = step.offer;
      continue;
    }
    closed[customer] = true;  // its further steps start from one that was not taken
    if (binds) continue;
    binds = true;
    choice.multiplier = rewards[static_cast<std::size_t>(by_reward[k].row)];
    choice.bound = choice.gain + std::max(0.0, budget - choice.cost) * choice.multiplier;
  }
  if (!binds) choice.bound = choice.gain;
  choice.bound = std::max(choice.bound, choice.gain);
  return choice;
}

}  // namespace tenure::churn
