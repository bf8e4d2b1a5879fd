#include "tenure/journey/attribution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "credit_sums.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/quantile.hpp"
#include "tenure/support/resampling.hpp"

namespace tenure::journey {
namespace {

constexpr auto kMarkov = static_cast<std::size_t>(CreditModel::markov);

void refuse(const char* argument, const char* message) {
  throw InvalidInput(argument, -1, std::string(message));
}

void require_valid(const events::EventLog& log, const AttributionPlan& plan) {
  if (!log.has_event() && log.rows() > 0) refuse("log", "needs event names");
  if (plan.by && *plan.by >= log.property.size()) refuse("by", "is no property of the log");
  if (plan.channels < 0 || plan.channels > kMaxChannels)
    throw InvalidInput("channels", -1, static_cast<double>(plan.channels), "at most 254");
  for (const std::int32_t c : plan.channel_of)
    if (c < kNoState || c >= plan.channels) refuse("channel_of", "must name channels");
  const auto names = std::ssize(plan.conversion), codes = std::ssize(plan.channel_of);
  if (std::ssize(plan.touch) != names) refuse("touch", "must be as long as the event names");
  for (std::int64_t i = 0; i < log.rows(); ++i) {
    if (log.event[i] >= names) refuse("conversion", "must have an entry for each event name");
    if ((plan.by ? log.property[*plan.by][i] : log.event[i]) >= codes)
      refuse("channel_of", "must have an entry for each code");
  }
  if (plan.models.size() != kCreditModels) refuse("models", "must have an entry for each model");
  if (plan.lookback < 0)
    throw InvalidInput("lookback", -1, static_cast<double>(plan.lookback), ">= 0");
  if (!(plan.half_life > 0.0)) throw InvalidInput("half_life", -1, plan.half_life, "> 0");
  double sum = 0.0;
  for (const double w : plan.position) {
    if (!(w >= 0.0 && w < 1e300)) throw InvalidInput("position_weights", -1, w, ">= 0");
    sum += w;
  }
  if (!(sum > 0.0)) refuse("position_weights", "must not all be 0");
  if (plan.order < 1) throw InvalidInput("order", -1, static_cast<double>(plan.order), ">= 1");
  if (plan.revenue && !log.has_amount() && log.rows() > 0) refuse("log", "needs amounts");
}

class LearnScan {
 public:
  LearnScan(const events::EventLog& log, const AttributionPlan& plan, const Execution& execution)
      : walk_(log, plan, execution), chain_(plan.channels, plan.order) {}

  void visit(const events::CustomerEvents& events) {
    walk_(events, [this](const TouchPath& path) { chain_.learn(path.channel); });
  }
  void merge(LearnScan&& later) { chain_.learn(later.chain_); }
  ChannelChain finish() && {
    chain_.close();
    return std::move(chain_);
  }

 private:
  TouchWalk walk_;
  ChannelChain chain_;
};

ChannelChain chain_of(const events::EventLog& log, const AttributionPlan& plan,
                      const Execution& execution) {
  if (!plan.models[kMarkov]) return {};
  LearnScan scan(log, plan, execution);
  // Of order 1 the states are the channels, which are known.
  return (plan.order < 2 ? scan : events::run_scan(log, scan, execution)).finish();
}

class CreditScan {
 public:
  CreditScan(const events::EventLog& log, const AttributionPlan& plan, const ChannelChain& chain,
             const Execution& execution)
      : walk_(log, plan, execution), sums_(plan, chain) {}

  void visit(const events::CustomerEvents& events) {
    walk_(events, [this](const TouchPath& path) { sums_.add(path, 1.0); });
  }
  void merge(CreditScan&& later) { sums_.totals += later.sums_.totals; }
  CreditTotals<double> finish() && { return std::move(sums_.totals); }

 private:
  TouchWalk walk_;
  CreditSums<double> sums_;
};

/// The chain's credits: what is credited, in proportion to the removal effects.
void add_chain(const AttributionPlan& plan, std::span<const double> effect, double credited,
               std::span<double> credit) {
  double sum = 0.0;
  for (const double e : effect) sum += e;
  if (!(sum > 0.0)) return;
  const std::size_t first = kMarkov * static_cast<std::size_t>(plan.channels);
  for (std::size_t c = 0; c < effect.size(); ++c) credit[first + c] = credited * (effect[c] / sum);
}

/// The credits that intervals are told of, in each replicate of one task.
void resample(const events::EventLog& log, const AttributionPlan& plan, const ChannelChain& chain,
              const Resampling& weight_of, std::int64_t replicates, std::int64_t first,
              std::vector<double>& out, std::int64_t all, const Execution& execution) {
  TouchWalk walk(log, plan, execution);
  CreditSums<Weights> sums(plan, chain);
  for (std::int64_t c = 0; c < log.customers(); ++c) {
    const events::CustomerEvents events = log[c];
    if (events.size() == 0) continue;
    const Weights weight = weight_of(c);
    walk(events, [&](const TouchPath& path) { sums.add(path, weight); });
  }
  const CreditTotals<Weights>& totals = sums.totals;
  const auto cells = kCreditModels * static_cast<std::size_t>(plan.channels);
  std::vector<double> credit(cells), transition(totals.transition.size());
  for (std::int64_t b = 0; b < replicates; ++b) {
    const auto r = static_cast<std::size_t>(b);
    for (std::size_t i = 0; i < cells; ++i)
      credit[i] = (plan.revenue ? totals.money : totals.credit)[i].in[r];
    if (plan.models[kMarkov]) {
      for (std::size_t i = 0; i < transition.size(); ++i)
        transition[i] = totals.transition[i].in[r];
      add_chain(plan, chain.removal_effects(transition, execution),
                (plan.revenue ? totals.credited_revenue : totals.credited).in[r], credit);
    }
    for (std::size_t i = 0; i < cells; ++i)
      out[i * static_cast<std::size_t>(all) + static_cast<std::size_t>(first + b)] = credit[i];
  }
}

}  // namespace

Attribution attribution(const events::EventLog& log, const AttributionPlan& plan,
                        const Execution& execution) {
  require_valid(log, plan);
  const ChannelChain chain = chain_of(log, plan, execution);
  const CreditTotals<double> totals =
      events::run_scan(log, CreditScan(log, plan, chain, execution), execution).finish();
  Attribution out;
  out.credit = totals.credit;
  out.money = totals.money;
  out.money.resize(out.credit.size(), 0.0);
  out.conversions = totals.conversions;
  out.credited = totals.credited;
  out.revenue = totals.revenue;
  out.credited_revenue = totals.credited_revenue;
  out.paths = totals.paths;
  out.effect.assign(static_cast<std::size_t>(plan.channels), 0.0);
  if (plan.models[kMarkov]) {
    out.effect = chain.removal_effects(totals.transition, execution);
    add_chain(plan, out.effect, out.credited, out.credit);
    add_chain(plan, out.effect, out.credited_revenue, out.money);
  }
  return out;
}

AttributionLimits attribution_bootstrap(const events::EventLog& log, const AttributionPlan& plan,
                                        const AttributionBootstrap& bootstrap,
                                        const Execution& execution) {
  require_valid(log, plan);
  const std::int64_t n = bootstrap.replicates;
  if (n < 2 || n > 1'000'000)
    throw InvalidInput("n_bootstrap", -1, static_cast<double>(n), "between 2 and 1000000");
  if (!(bootstrap.level > 0.0 && bootstrap.level < 1.0))
    throw InvalidInput("level", -1, bootstrap.level, "between 0 and 1");
  const ChannelChain chain = chain_of(log, plan, execution);
  const auto cells = kCreditModels * static_cast<std::size_t>(plan.channels);
  std::vector<double> all(cells * static_cast<std::size_t>(n));
  for_each_block(
      n, execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        resample(log, plan, chain, Resampling(bootstrap.seed, block), last - first, first, all, n,
                 execution);
      },
      static_cast<std::int64_t>(Weights::kTogether));
  AttributionLimits out;
  for (std::size_t i = 0; i < cells; ++i) {
    execution.poll();
    const auto values =
        std::span(all).subspan(i * static_cast<std::size_t>(n), static_cast<std::size_t>(n));
    std::sort(values.begin(), values.end());
    out.lower.push_back(sorted_quantile(values, 0.5 * (1.0 - bootstrap.level)));
    out.upper.push_back(sorted_quantile(values, 0.5 * (1.0 + bootstrap.level)));
  }
  return out;
}

}  // namespace tenure::journey
