#include "pareto_nbd_future.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "falling.hpp"
#include "negative_binomial.hpp"
#include "root.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Relative precision of a time that is searched for.
constexpr double kTimePrecision = 1e-12;

}  // namespace

/// Calls node(t, weight) for a quadrature over t in (from, to] in q = log(1 + t/unit), in which all
/// scales of time from `unit` on are smooth, by panels of at most `longest`.
template <class Node>
void ParetoNbdFuture::integrate(double from, double to, double longest, const Node& node) const {
  const double unit = std::min(alpha_ / std::max(1.0, r_), beta_ / (s_ + 1.0));
  const double low = std::log1p(from / unit), range = std::log1p(to / unit) - low;
  const double panels = std::max(1.0, std::ceil(range / longest));
  const double length = range / panels;
  const special::QuadratureRule& rule = falling::rule(2);
  for (double k = 0.0; k < panels; k += 1.0)
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double q = low + length * (k + rule.node[j]);
      node(unit * std::expm1(q), rule.weight[j] * length * unit * std::exp(q));
    }
}

/// The same over (0, time], of smooth functions times the chance of n purchases until t, where that
/// is of any weight: it peaks where t / alpha is about n / r, and falls off like t^n before and
/// t^-(r + s) behind. In log t its width is that of log n - log r.
template <class Node>
void ParetoNbdFuture::over_time(double n, double time, const Node& node) const {
  const double width = std::sqrt(1.0 / (n + 1.0) + 1.0 / r_);
  const double peak = std::log((n + 0.5) / r_), end = std::log(time / alpha_);
  double from = 0.0, to = time;
  if (n > 0.0)
    from =
        alpha_ * std::exp(std::max(-700.0, std::min(peak, end) - 9.0 * width - 40.0 / (n + 1.0)));
  const double behind = peak + 9.0 * width + 40.0 / (r_ + s_);
  if (behind < end) to = alpha_ * std::exp(behind);
  integrate(from, to, std::min(1.0, 3.0 * width), node);
}

double ParetoNbdFuture::leaves_at(double t) const { return s_ / (beta_ + t) * alive(t); }

double ParetoNbdFuture::log_pmf_if_staying(double n, double t) const {
  return negative_binomial::log_pmf(r_, t / alpha_, n);
}

double ParetoNbdFuture::alive(double time) const {
  return std::exp(-s_ * std::log1p(time / beta_));
}

double ParetoNbdFuture::mean_if_staying(double time) const { return r_ * time / alpha_; }

double ParetoNbdFuture::pmf(double n, double time) const {
  if (time == 0.0) return n == 0.0 ? 1.0 : 0.0;
  double sum = std::exp(log_pmf_if_staying(n, time)) * alive(time);
  over_time(n, time, [&](double t, double weight) {
    sum += weight * leaves_at(t) * std::exp(log_pmf_if_staying(n, t));
  });
  return sum;
}

double ParetoNbdFuture::tail(double n, double time) const {
  if (time == 0.0) return 0.0;
  if (n == 1.0) return first_by(time);
  // The n-th purchase falls at t with the density of n purchases until t, times n / t.
  double sum = 0.0;
  over_time(n, time, [&](double t, double weight) {
    sum += weight * alive(t) * std::exp(log_pmf_if_staying(n, t)) * (n / t);
  });
  return std::min(1.0, sum);
}

/// P(first purchase by then): the integral of S(t) (r/alpha) (1 + t/alpha)^-(r + 1).
double ParetoNbdFuture::first_by(double time) const {
  const double a = 1.0 / alpha_, b = 1.0 / beta_, m = r_ + 1.0;
  const double rate = falling::rate(m, a, s_, b);
  const double range = std::log1p(rate * std::min(time, falling::cut(m) * alpha_));
  const special::QuadratureRule& rule = falling::rule(falling::grade_of(range));
  double sum = 0.0;
  for (std::size_t j = 0; j < rule.node.size(); ++j) {
    const double q = rule.node[j] * range;
    const double t = std::expm1(q) / rate;
    sum += rule.weight[j] * std::exp(q - m * std::log1p(a * t) - s_ * std::log1p(b * t));
  }
  return sum * r_ * a * range / rate;
}

double ParetoNbdFuture::first_density(double t) const {
  return r_ / (alpha_ + t) * std::exp(-r_ * std::log1p(t / alpha_)) * alive(t);
}

double ParetoNbdFuture::waits(double share) const {
  if (share == 0.0) return 0.0;
  if (first_by(kInfinity) <= share) return kInfinity;
  const auto off = [&](double log_time) {
    const double t = std::exp(log_time);
    return std::pair(first_by(t) - share, first_density(t) * t);
  };
  // One who never leaves does not wait longer.
  double low = std::log(alpha_) + std::log(std::expm1(-std::log1p(-share) / r_)), high = low;
  if (!std::isfinite(low)) low = high = std::log(alpha_ * share / r_);
  do high += 1.0;
  while (high < 700.0 && off(high).first < 0.0);
  if (high >= 700.0) return kInfinity;
  return std::exp(increasing_root(low - 1e-9, high, kTimePrecision, off));
}

ParetoNbdFuture::Walk::Walk(const ParetoNbdFuture& future, double time) : r_(future.r_) {
  if (time == 0.0) return;
  const auto add = [&](double t, double weight) {
    const double w = t / future.alpha_;
    nodes_.push_back({weight, w / (1.0 + w), std::exp(-r_ * std::log1p(w)), 0.0});
  };
  nodes_.reserve(64);
  add(time, future.alive(time));
  // Fine enough for counts of a few times the mean.
  const double n = 4.0 * future.mean_if_staying(time) + 10.0;
  const double width = std::sqrt(1.0 / n + 1.0 / r_);
  future.integrate(0.0, time, std::min(1.0, 3.0 * width),
                   [&](double t, double weight) { add(t, weight * future.leaves_at(t)); });
}

double ParetoNbdFuture::Walk::next() {
  double sum = 0.0;
  for (Node& node : nodes_) {
    node.below += node.pmf;
    sum += node.weight * std::max(0.0, 1.0 - node.below);
    node.pmf *= node.z * (r_ + n_) / (n_ + 1.0);
  }
  n_ += 1.0;
  return sum;
}

double lapse_after(const ParetoNbdParameters& p, double x, double t_x, double age,
                   double log_odds) {
  const auto off = [&](double log_silence) {
    const double silence = std::exp(log_silence), until = t_x + silence;
    double log_stay, leave;
    weigh(p, &x, &t_x, &until, 1, &log_stay, &leave);
    const double gone = p.s / (p.beta + until);
    const double slope = (p.r + x) / (p.alpha + until) + gone * (1.0 + std::exp(log_stay) / leave);
    return std::pair(log_odds - (log_stay - std::log(leave)), slope * silence);
  };
  const double silence = age - t_x;
  double low = std::log(silence);
  if (silence > 0.0) {
    if (off(low).first >= 0.0) return 0.0;
  } else {
    low = std::log(1e-9 * (p.alpha + t_x) / (p.r + x));
    while (off(low).first >= 0.0) low -= 10.0;
  }
  double high = low;
  do high += 1.0;
  while (high < 700.0 && off(high).first < 0.0);
  if (high >= 700.0) return kInfinity;
  return std::max(0.0, std::exp(increasing_root(low, high, kTimePrecision, off)) - silence);
}

}  // namespace tenure::clv
