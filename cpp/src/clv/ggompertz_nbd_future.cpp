#include "ggompertz_nbd_future.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "root.hpp"
#include "tenure/special/gamma.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Of a time that is searched for, relative to its panel or to the shortest that it can be.
constexpr double kTimePrecision = 1e-13;

/// Counts up to this one are polynomials in time that the nodes of a panel resolve.
constexpr double kSmooth = 8.0;

/// log P(n purchases until t) of somebody who does not leave.
struct LogChance {
  double r, alpha, n, log_ways;

  LogChance(double shape, double rate, double count)
      : r(shape),
        alpha(rate),
        n(count),
        log_ways(special::log_gamma_ratio(shape, count) - special::lgamma(count + 1.0)) {}

  double operator()(double t) const {
    return log_ways - r * std::log1p(t / alpha) - (n == 0.0 ? 0.0 : n * std::log1p(alpha / t));
  }
};

}  // namespace

/// Length of a panel from `from` on, at most `longest`, in which the lifetime is flat and smooth.
double GGompertzNbdFuture::panel(double from, double left, double longest) const {
  double length = std::min({left, longest, life_.distance(from), 3.0 / life_.speed(from)});
  while (length * life_.speed(from + length) > 6.0) length *= 0.5;
  return length;
}

/// Calls node(t, weight) for a quadrature over (from, to] by panels of at most longest(t).
template <class Longest, class Node>
void GGompertzNbdFuture::integrate(double from, double to, const Longest& longest,
                                   const Node& node) const {
  const special::QuadratureRule& rule = panel_rule();
  while (from < to) {
    const double length = panel(from, to - from, longest(from));
    for (std::size_t j = 0; j < rule.node.size(); ++j)
      node(from + length * rule.node[j], rule.weight[j] * length);
    if (to - (from + length) <= 1e-15 * to || from + length <= from) return;
    from += length;
  }
}

/// The same over (0, time], of the chance of n purchases until t times functions of the lifetime,
/// where that is of any weight. In log t the log of it is concave, but for the hazard, which
/// changes by a factor of beta at most: one peak, found by bisection, and flanks that fall off ever
/// faster.
template <class Node>
void GGompertzNbdFuture::over_time(double n, double time, const Node& node) const {
  const double m = r_ + n, width = std::sqrt(1.0 / (n + 1.0) + 1.0 / r_);
  const auto log_weight = [&](double q) {
    const double t = std::exp(q);
    return (n + 1.0) * q - m * std::log1p(t / alpha_) - life_.s * life_.wear(t);
  };
  const auto rises = [&](double q) {
    const double t = std::exp(q);
    return n + 1.0 - m * t / (alpha_ + t) - life_.s * t / life_.spread(t) > 0.0;
  };
  const double end = std::log(time);
  double peak = end;
  if (!rises(end)) {
    double low = end, step = 1.0;
    do {
      peak = low;
      low -= step;
      step *= 2.0;
    } while (!rises(low));
    while (peak - low > 0.1 * width) {
      const double middle = 0.5 * (low + peak);
      (rises(middle) ? low : peak) = middle;
    }
  }
  const double factor = std::abs(std::log(life_.b * life_.ratio));
  const double nothing = log_weight(peak) - 42.0 - std::min(factor, 100.0);
  const auto flank = [&](double direction) {
    double away = std::min(0.3, 9.0 * width);
    while (log_weight(peak + direction * away) > nothing && peak + direction * away < end)
      away *= 1.5;
    return std::exp(std::min(end, peak + direction * away));
  };
  const double from = n > kSmooth ? flank(-1.0) : 0.0;
  const double to = peak < end ? std::min(time, flank(1.0)) : time;
  const double relative = std::min(1.5, 3.0 * width), rate = std::min(1.0, 3.0 / m);
  integrate(
      from, to, [&](double t) { return n > kSmooth ? relative * t : rate * (alpha_ + t); }, node);
}

double GGompertzNbdFuture::leaves_at(double t) const {
  return life_.s / life_.spread(t) * alive(t);
}

double GGompertzNbdFuture::alive(double time) const {
  return std::exp(-life_.s * life_.wear(time));
}

double GGompertzNbdFuture::mean_if_staying(double time) const { return r_ * time / alpha_; }

double GGompertzNbdFuture::pmf(double n, double time) const {
  if (time == 0.0) return n == 0.0 ? 1.0 : 0.0;
  const LogChance log_chance(r_, alpha_, n);
  double sum = std::exp(log_chance(time) - life_.s * life_.wear(time));
  over_time(n, time, [&](double t, double weight) {
    sum += weight * life_.s / life_.spread(t) * std::exp(log_chance(t) - life_.s * life_.wear(t));
  });
  return std::min(1.0, sum);
}

double GGompertzNbdFuture::tail(double n, double time) const {
  if (time == 0.0) return 0.0;
  // The n-th purchase falls at t with the density of n purchases until t, times n / t.
  const LogChance log_chance(r_, alpha_, n);
  double sum = 0.0;
  over_time(n, time, [&](double t, double weight) {
    sum += weight * std::exp(log_chance(t) - life_.s * life_.wear(t)) * (n / t);
  });
  return std::min(1.0, sum);
}

double GGompertzNbdFuture::waits(double share) const {
  if (share == 0.0) return 0.0;
  const special::QuadratureRule& rule = panel_rule();
  const auto density = [&](double t) {
    return r_ / (alpha_ + t) * std::exp(-r_ * std::log1p(t / alpha_) - life_.s * life_.wear(t));
  };
  const auto within = [&](double from, double length) {
    double sum = 0.0;
    for (std::size_t j = 0; j < rule.node.size(); ++j)
      sum += rule.weight[j] * length * density(from + length * rule.node[j]);
    return sum;
  };
  // One who never leaves does not wait longer.
  const double shortest = alpha_ * std::expm1(-std::log1p(-share) / r_);
  const double relative = std::min(1.0, 3.0 / (r_ + 1.0));
  double told = 0.0;
  for (double from = 0.0; from < 1e300;) {
    const double length = panel(from, 1e300, relative * (alpha_ + from));
    const double more = within(from, length);
    if (told + more >= share) {
      const auto off = [&](double since) {
        return std::pair(told - share + within(from, since), density(from + since));
      };
      return from + increasing_root(0.0, length, kTimePrecision * std::min(shortest, length), off);
    }
    // The rest of life: whoever is there and has not bought, at most.
    const double to = from + length;
    const double open = std::exp(-r_ * std::log1p(to / alpha_) - life_.s * life_.wear(to));
    if (!(to > from) || told + more + open < share) break;
    told += more;
    from = to;
  }
  return kInfinity;
}

GGompertzNbdFuture::Walk::Walk(const GGompertzNbdFuture& future, double time) : r_(future.r_) {
  if (time == 0.0) return;
  const auto add = [&](double t, double weight) {
    const double w = t / future.alpha_;
    nodes_.push_back({weight, w / (1.0 + w), std::exp(-r_ * std::log1p(w)), 0.0});
  };
  nodes_.reserve(64);
  add(time, future.alive(time));
  // Fine enough for counts of a few times the mean.
  const double n = 4.0 * future.mean_if_staying(time) + 10.0;
  const double relative = std::min(1.0, 3.0 * std::sqrt(1.0 / n + 1.0 / r_));
  const double unit = future.alpha_ / std::max(1.0, r_);
  // Behind, nobody is left.
  const GompertzLifetime& life = future.life_;
  const double last = std::log1p(life.b * life.ratio * std::expm1(42.0 / life.s)) / life.b;
  future.integrate(
      0.0, std::min(time, last), [&](double t) { return relative * (unit + t); },
      [&](double t, double weight) { add(t, weight * future.leaves_at(t)); });
}

double GGompertzNbdFuture::Walk::next() {
  double sum = 0.0;
  for (Node& node : nodes_) {
    node.below += node.pmf;
    sum += node.weight * std::max(0.0, 1.0 - node.below);
    node.pmf *= node.z * (r_ + n_) / (n_ + 1.0);
  }
  n_ += 1.0;
  return sum;
}

double lapse_after(const GGompertzNbdParameters& p, double x, double t_x, double age,
                   double log_odds) {
  const double m = p.r + x, near = p.alpha + t_x;
  const GompertzLifetime rest = lifetime(p).after(t_x);
  const special::QuadratureRule& rule = panel_rule();
  const auto log_seen = [&](double t) { return -m * std::log1p(t / near) - p.s * rest.wear(t); };
  const auto leave = [&](double from, double length) {
    double sum = 0.0;
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double at = from + length * rule.node[j];
      sum += rule.weight[j] * length * p.s / rest.spread(at) * std::exp(log_seen(at));
    }
    return sum;
  };
  // The silence at which P(alive) is that low: panel after panel, and Newton's method in the log of
  // the time within the one in which it is.
  double left = 0.0;
  for (double from = 0.0; from < 1e300;) {
    const double length =
        panel_length(rest, from, kInfinity, near, [&](double at) { return m / (near + at); });
    const double to = from + length, more = leave(from, length);
    if (log_seen(to) - std::log(left + more) <= log_odds) {
      const auto off = [&](double log_silence) {
        const double t = std::exp(log_silence);
        const double gone = left + leave(from, t - from), seen = log_seen(t);
        const double slope = m / (near + t) + p.s / rest.spread(t) * (1.0 + std::exp(seen) / gone);
        return std::pair(log_odds - (seen - std::log(gone)), slope * t);
      };
      double low = std::log(from);
      if (from == 0.0) {
        low = std::log(to) - 1.0;
        while (off(low).first >= 0.0) low -= 10.0;
      }
      return std::max(
          0.0, std::exp(increasing_root(low, std::log(to), kTimePrecision, off)) - (age - t_x));
    }
    if (!(to > from)) break;
    left += more;
    from = to;
  }
  return kInfinity;
}

}  // namespace tenure::clv
