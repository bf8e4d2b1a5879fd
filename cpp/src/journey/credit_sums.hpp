#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "channel_chain.hpp"
#include "tenure/journey/attribution.hpp"
#include "touch_walk.hpp"

namespace tenure::journey {

/// All that an attribution is made of, as sums over paths. `W` is double, or Weights for several
/// replicates side by side.
template <class W>
struct CreditTotals {
  std::vector<W> credit, money;  ///< models x channels, without the chain's
  std::vector<W> transition;     ///< by cell of the chain
  W conversions{}, credited{}, revenue{}, credited_revenue{}, paths{};

  CreditTotals(const AttributionPlan& plan, const ChannelChain& chain) {
    const auto cells = kCreditModels * static_cast<std::size_t>(plan.channels);
    credit.resize(cells);
    if (plan.revenue) money.resize(cells);
    if (plan.models[static_cast<std::size_t>(CreditModel::markov)])
      transition.resize(chain.cells());
  }

  CreditTotals& operator+=(const CreditTotals& other) {
    add(credit, other.credit);
    add(money, other.money);
    add(transition, other.transition);
    conversions += other.conversions;
    credited += other.credited;
    revenue += other.revenue;
    credited_revenue += other.credited_revenue;
    paths += other.paths;
    return *this;
  }

 private:
  static void add(std::vector<W>& to, const std::vector<W>& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  }
};

/// Adds paths to totals.
template <class W>
class CreditSums {
 public:
  CreditSums(const AttributionPlan& plan, const ChannelChain& chain)
      : totals(plan, chain),
        plan_(&plan),
        chain_(&chain),
        seen_(static_cast<std::size_t>(plan.channels), -1) {}

  void add(const TouchPath& path, const W& weight) {
    if (path.converted) {
      totals.conversions += weight;
      if (plan_->revenue) totals.revenue += weight * path.amount;
    }
    if (path.channel.empty()) return;
    totals.paths += weight;
    if (wanted(CreditModel::markov))
      chain_->transitions(path.channel, path.converted,
                          [&](std::size_t cell) { totals.transition[cell] += weight; });
    if (!path.converted) return;
    totals.credited += weight;
    if (plan_->revenue) totals.credited_revenue += weight * path.amount;
    share_out(path, weight);
  }

  CreditTotals<W> totals;

 private:
  bool wanted(CreditModel model) const {
    return plan_->models[static_cast<std::size_t>(model)] != 0;
  }

  void give(CreditModel model, std::int32_t channel, double part, const TouchPath& path,
            const W& weight) {
    const std::size_t at =
        static_cast<std::size_t>(model) * static_cast<std::size_t>(plan_->channels) +
        static_cast<std::size_t>(channel);
    totals.credit[at] += weight * part;
    if (plan_->revenue) totals.money[at] += weight * (part * path.amount);
  }

  void share_out(const TouchPath& path, const W& weight) {
    const auto& channel = path.channel;
    const std::size_t n = channel.size();
    if (wanted(CreditModel::last)) give(CreditModel::last, channel[n - 1], 1.0, path, weight);
    if (wanted(CreditModel::first)) give(CreditModel::first, channel[0], 1.0, path, weight);
    if (wanted(CreditModel::linear))
      for (const std::int32_t c : channel)
        give(CreditModel::linear, c, 1.0 / static_cast<double>(n), path, weight);
    if (wanted(CreditModel::position)) by_position(path, weight);
    if (wanted(CreditModel::time_decay)) by_time(path, weight);
    if (wanted(CreditModel::shapley)) by_coalition(path, weight);
  }

  void by_position(const TouchPath& path, const W& weight) {
    const std::size_t n = path.channel.size();
    const auto [first, between, last] = plan_->position;
    const double inner = n > 2 ? between : 0.0;
    const double sum = first + inner + last;
    for (std::size_t i = 0; i < n; ++i) {
      double part = inner / static_cast<double>(n - 2) / sum;
      if (n == 1)
        part = 1.0;
      else if (!(sum > 0.0))
        part = 0.5;  // of two touches, where only those between were to have a part
      else if (i == 0 || i + 1 == n)
        part = (i == 0 ? first : last) / sum;
      give(CreditModel::position, path.channel[i], part, path, weight);
    }
  }

  void by_time(const TouchPath& path, const W& weight) {
    // Counted back from the last touch, not from the conversion: its part is 1, and the sum cannot
    // underflow.
    const std::int64_t last = path.time.back();
    const std::size_t n = path.channel.size();
    part_.resize(n);
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      sum += part_[i] = std::exp2(static_cast<double>(path.time[i] - last) / plan_->half_life);
    for (std::size_t i = 0; i < n; ++i)
      give(CreditModel::time_decay, path.channel[i], part_[i] / sum, path, weight);
  }

  void by_coalition(const TouchPath& path, const W& weight) {
    ++path_;
    distinct_.clear();
    for (const std::int32_t c : path.channel) {
      if (seen_[static_cast<std::size_t>(c)] == path_) continue;
      seen_[static_cast<std::size_t>(c)] = path_;
      distinct_.push_back(c);
    }
    for (const std::int32_t c : distinct_)
      give(CreditModel::shapley, c, 1.0 / static_cast<double>(distinct_.size()), path, weight);
  }

  const AttributionPlan* plan_;
  const ChannelChain* chain_;
  std::vector<std::int64_t> seen_;  ///< by channel: the last path that had it
  std::int64_t path_ = 0;
  std::vector<std::int32_t> distinct_;
  std::vector<double> part_;
};

}  // namespace tenure::journey
