#include "tenure/churn/ipcw.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rank_sums.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Names {
  const char *duration, *churned, *weight;
};

void require_valid(const LifetimeRows& rows, const Names& name) {
  const std::size_t n = rows.duration.size();
  if (n == 0) throw InvalidInput(name.duration, -1, 0.0, "non-empty");
  if (rows.churned.size() != n)
    throw InvalidInput(name.churned, -1, static_cast<double>(rows.churned.size()),
                       "as long as duration");
  if (rows.weight && rows.weight->size() != n)
    throw InvalidInput(name.weight, -1, static_cast<double>(rows.weight->size()),
                       "as long as duration");
  double total = rows.weight ? 0.0 : 1.0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const double t = rows.duration[i];
    if (!(std::isfinite(t) && t >= 0.0))
      throw InvalidInput(name.duration, row, t, "finite and >= 0");
    if (rows.churned[i] > 1) throw InvalidInput(name.churned, row, rows.churned[i], "0 or 1");
    if (!rows.weight) continue;
    const double w = (*rows.weight)[i];
    if (!(std::isfinite(w) && w >= 0.0)) throw InvalidInput(name.weight, row, w, "finite and >= 0");
    total += w;
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput(name.weight, -1, total, "positive and finite in sum");
}

Lives keep(const LifetimeRows& rows, Ticker& ticker) {
  Lives out;
  out.duration.assign(rows.duration.begin(), rows.duration.end());
  out.churned.assign(rows.churned.begin(), rows.churned.end());
  if (rows.weight)
    out.weight.assign(rows.weight->begin(), rows.weight->end());
  else
    out.weight.assign(rows.duration.size(), 1.0);
  for (const double w : out.weight) out.total += w;
  ScoreRanks ranks = rank_scores(out.duration, ticker);
  out.slots.time.resize(ranks.distinct);
  for (std::size_t i = 0; i < out.duration.size(); ++i)
    out.slots.time[ranks.rank[i]] = out.duration[i];
  out.slots.of_row = std::move(ranks.rank);
  return out;
}

}  // namespace

ProductLimit::ProductLimit(const Lives& lives, std::uint8_t event, bool others_at_risk)
    : event_(event), others_at_risk_(others_at_risk), time_(lives.slots.time) {
  const std::size_t slots = time_.size();
  at_event_.assign(slots, 0.0);
  staying_.assign(slots, 0.0);
  std::vector<double> others(slots, 0.0);
  for (std::size_t i = 0; i < lives.duration.size(); ++i)
    (lives.churned[i] == event ? at_event_ : others)[lives.slots.of_row[i]] += lives.weight[i];
  // From the right, and who stays is never a difference: the smallest risk sets are exact.
  double later = 0.0;
  for (std::size_t k = slots; k-- > 0;) {
    staying_[k] = later + (others_at_risk ? others[k] : 0.0);
    later += at_event_[k] + others[k];
  }
  value_.assign(slots + 1, 1.0);
  for (std::size_t k = 0; k < slots; ++k) {
    const double factor = at_event_[k] > 0.0 ? staying_[k] / (staying_[k] + at_event_[k]) : 1.0;
    value_[k + 1] = value_[k] * factor;
  }
}

std::size_t ProductLimit::through(double t) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(time_, t) - time_.begin());
}

std::size_t ProductLimit::before(double t) const {
  return static_cast<std::size_t>(std::ranges::lower_bound(time_, t) - time_.begin());
}

void ProductLimit::add_influence(const Lives& lives, std::span<const double> slope,
                                 std::span<double> influence) const {
  // With d events and s who stay, log(s / (s + d)) moves by -1 / (s + d) for an event more, and by
  // d / (s (s + d)) for one more who stays; every later value moves with it.
  const std::size_t slots = time_.size();
  std::vector<double> event(slots, 0.0), stay(slots + 1, 0.0);
  double later = 0.0;
  for (std::size_t k = slots; k-- > 0;) {
    later += slope[k + 1];
    if (at_event_[k] == 0.0 && staying_[k] == 0.0) continue;
    const double at_risk = staying_[k] + at_event_[k];
    event[k] = -later / at_risk;
    // Nothing is weighed by a curve that has fallen to 0: `later` is 0 where nobody stays.
    if (staying_[k] > 0.0) stay[k] = later * at_event_[k] / (staying_[k] * at_risk);
  }
  // stay[k] becomes what it adds to have stayed at all of the first k times.
  double passed = 0.0;
  for (std::size_t k = 0; k <= slots; ++k) {
    const double here = stay[k];
    stay[k] = passed;
    passed += here;
  }
  for (std::size_t i = 0; i < lives.duration.size(); ++i) {
    const std::size_t k = lives.slots.of_row[i];
    const double own = lives.churned[i] == event_ ? stay[k] + event[k]
                       : others_at_risk_          ? stay[k + 1]
                                                  : stay[k];
    influence[i] += lives.weight[i] * own;
  }
}

IpcwData prepare_ipcw(const LifetimeRows& rows, const std::optional<LifetimeRows>& train,
                      CensoringTies ties, CensoringLimit limit, const Execution& execution) {
  require_valid(rows, {"duration", "churned", "sample_weight"});
  if (train) require_valid(*train, {"train duration", "train churned", "train weight"});
  Ticker ticker(execution);
  IpcwData out;
  out.ties = ties;
  out.lives = keep(rows, ticker);
  if (train) out.train = keep(*train, ticker);
  out.churn = ProductLimit(out.lives, 1, true);
  out.censoring =
      ProductLimit(out.train ? *out.train : out.lives, 0, ties == CensoringTies::strict);
  const std::size_t n = out.rows();
  out.position.resize(n);
  out.inverse.assign(n, 0.0);
  out.unknown_from = kInfinity;
  for (std::size_t i = 0; i < n; ++i) {
    ticker.tick();
    const double t = out.lives.duration[i];
    out.position[i] =
        limit == CensoringLimit::before ? out.censoring.before(t) : out.censoring.through(t);
    const double g = out.censoring.value(out.position[i]);
    if (g > 0.0 && t <= out.censoring.last_time())
      out.inverse[i] = 1.0 / g;
    else if (out.lives.churned[i] && out.lives.weight[i] > 0.0)
      out.unknown_from = std::min(out.unknown_from, t);
  }
  return out;
}

void add_censoring_influence(const IpcwData& data, std::span<const double> slope,
                             std::span<double> influence) {
  if (data.train)
    data.censoring.add_influence(*data.train, slope, influence.subspan(data.rows()));
  else
    data.censoring.add_influence(data.lives, slope, influence);
}

std::vector<Scorable> scorable(const IpcwData& data, std::span<const double> times, bool both) {
  double first = kInfinity, last = 0.0;
  for (std::size_t i = 0; i < data.rows(); ++i) {
    if (!(data.lives.weight[i] > 0.0)) continue;
    if (data.lives.churned[i]) first = std::min(first, data.lives.duration[i]);
    last = std::max(last, data.lives.duration[i]);
  }
  std::vector<Scorable> out;
  for (const double t : times) {
    const bool unknown = t >= data.unknown_from || t > data.censoring.last_time() ||
                         !(data.censoring.value(data.censoring.through(t)) > 0.0);
    if (unknown || (both ? t >= last : t > last))
      out.push_back(Scorable::nobody_beyond);
    else if (both && t < first)
      out.push_back(Scorable::nobody_churned);
    else
      out.push_back(Scorable::yes);
  }
  return out;
}

}  // namespace tenure::churn
