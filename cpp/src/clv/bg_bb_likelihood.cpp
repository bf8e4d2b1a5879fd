#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "log_product.hpp"
#include "tenure/clv/bg_bb.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

enum Coordinate : std::size_t { kAlpha, kBeta, kGamma, kDelta };

/// log of (a)_j / (a + b)_j for j = 0, ..., most.
std::vector<double> log_ratios(double a, double b, std::size_t most) {
  std::vector<double> log{0.0};
  LogProduct product;
  for (std::size_t j = 0; j < most; ++j) {
    const auto k = static_cast<double>(j);
    product.times((a + k) / (a + b + k));
    log.push_back(product.log());
  }
  return log;
}

/// Calls body(position) with log((beta)_m / (alpha + beta + x)_m), m = t_x - x, for the cells of a
/// run, from the shortest t_x to the longest.
template <class Body>
void each_miss(const BgBbParameters& p, std::span<const OpportunityCell> run, const Body& body) {
  LogProduct product;
  double m = 0.0;
  for (std::size_t i = run.size(); i-- > 0;) {
    for (; m < run[i].t_x - run[i].x; m += 1.0)
      product.times((p.beta + m) / (p.alpha + p.beta + run[i].x + m));
    body(i, product.log());
  }
}

/// gamma + delta + n at k = n, and gamma + r(k) times itself at k + 1 below: see the methods page.
/// With the first and second derivatives in log-parameters.
struct WaysToEnd {
  double value;
  std::array<double, 4> first;
  std::array<double, 10> second;

  WaysToEnd(const BgBbParameters& p, double n)
      : value(p.gamma + p.delta + n), first{0.0, 0.0, p.gamma, p.delta}, second{} {
    second[5] = p.gamma;
    second[9] = p.delta;
  }

  /// From k + 1 to k.
  void step(const BgBbParameters& p, double x, double k) {
    const double s = p.alpha + p.beta + k, b = p.beta + (k - x);
    const double q = p.gamma + p.delta + k + 1.0, d = p.delta + k;
    const double r = b / s * (d / q);
    const double a1 = p.alpha / s, b1 = p.beta / s, g1 = p.gamma / q, d1 = p.delta / q;
    // Derivatives of log r.
    const double up_b = b1 * ((p.alpha + x) / b), up_d = d1 * ((p.gamma + 1.0) / d);
    const std::array<double, 4> l{-a1, up_b, -g1, up_d};
    const std::array<double, 10> ll{
        -a1 * ((p.beta + k) / s),
        a1 * b1,
        up_b * (1.0 - p.beta / b - b1),
        0.0,
        0.0,
        -g1 * ((p.delta + k + 1.0) / q),
        0.0,
        0.0,
        g1 * d1,
        up_d * (1.0 - p.delta / d - d1),
    };
    for (std::size_t i = 0, at = 0; i < 4; ++i)
      for (std::size_t j = 0; j <= i; ++j, ++at)
        second[at] =
            r * (second[at] + l[i] * first[j] + l[j] * first[i] + (ll[at] + l[i] * l[j]) * value);
    for (std::size_t i = 0; i < 4; ++i) first[i] = r * (first[i] + l[i] * value);
    value = r * value + p.gamma;
    first[kGamma] += p.gamma;
    second[5] += p.gamma;
  }
};

/// The part that depends on x, t_x and n together.
Derivatives<4> of_run(const BgBbParameters& p, std::span<const OpportunityCell> run,
                      const Execution& execution) {
  Derivatives<4> d;
  each_miss(p, run, [&](std::size_t i, double log) { d.value += run[i].weight * log; });
  WaysToEnd ways(p, run[0].n);
  double k = run[0].n;
  std::int64_t steps = 0;
  for (const OpportunityCell& cell : run) {
    while (k > cell.t_x) {
      k -= 1.0;
      ways.step(p, cell.x, k);
      if (++steps % 4096 == 0) execution.poll();
    }
    const double w = cell.weight;
    d.value += w * std::log(ways.value);
    std::array<double, 4> g;
    for (std::size_t i = 0; i < 4; ++i) d.gradient[i] += w * (g[i] = ways.first[i] / ways.value);
    for (std::size_t i = 0, at = 0; i < 4; ++i)
      for (std::size_t j = 0; j <= i; ++j, ++at)
        d.hessian[at] += w * (ways.second[at] / ways.value - g[i] * g[j]);
  }
  return d;
}

/// Weights by a whole number, and Pochhammer symbols over the same numbers.
struct Tally {
  std::vector<double> weight;
  void add(double at, double w) {
    const auto i = static_cast<std::size_t>(at);
    if (i >= weight.size()) weight.resize(i + 1, 0.0);
    weight[i] += w;
  }
  std::vector<RisingFactorial> rising(double s) const {
    std::vector<double> at(weight.size());
    std::iota(at.begin(), at.end(), 0.0);
    return rising_factorials(s, at);
  }
  /// Sums of weight times the first and the second derivative.
  std::pair<double, double> slopes(double s) const {
    double first = 0.0, second = 0.0;
    const auto table = rising(s);
    for (std::size_t i = 0; i < weight.size(); ++i) {
      first += weight[i] * table[i].first;
      second += weight[i] * table[i].second;
    }
    return {first, second};
  }
};

/// (alpha)_x (beta)_m / (alpha + beta)_t and (delta)_t / (gamma + delta + 1)_t, whose logs add up
/// by x, m and t alone; the value of the first only as (alpha)_x / (alpha + beta)_x.
Derivatives<4> factorials_part(const BgBbParameters& p, const OpportunityCells& cells) {
  Tally by_x, by_m, by_t;
  for (const auto& c : cells.cell) {
    by_x.add(c.x, c.weight);
    by_m.add(c.t_x - c.x, c.weight);
    by_t.add(c.t_x, c.weight);
  }
  Derivatives<4> d;
  const auto add = [&d](const Tally& tally, const std::vector<double>& log) {
    for (std::size_t i = 0; i < tally.weight.size(); ++i) d.value += tally.weight[i] * log[i];
  };
  add(by_x, log_ratios(p.alpha, p.beta, by_x.weight.size()));
  add(by_t, log_ratios(p.delta, p.gamma + 1.0, by_t.weight.size()));
  const double total = p.gamma + p.delta;
  d.value -= cells.customers * std::log(total);

  const auto [a, aa] = by_x.slopes(p.alpha);
  const auto [b, bb] = by_m.slopes(p.beta);
  const auto [s, ss] = by_t.slopes(p.alpha + p.beta);
  const auto [e, ee] = by_t.slopes(p.delta);
  const auto [q, qq] = by_t.slopes(total + 1.0);
  const double share = p.gamma / total, rest = p.delta / total;
  const double curve = cells.customers * share * rest;
  d.gradient = {p.alpha * (a - s), p.beta * (b - s), -p.gamma * q - cells.customers * share,
                p.delta * (e - q) - cells.customers * rest};
  d.second(kAlpha, kAlpha) = p.alpha * (a - s) + p.alpha * p.alpha * (aa - ss);
  d.second(kBeta, kAlpha) = -p.alpha * p.beta * ss;
  d.second(kBeta, kBeta) = p.beta * (b - s) + p.beta * p.beta * (bb - ss);
  d.second(kGamma, kGamma) = -p.gamma * q - p.gamma * p.gamma * qq - curve;
  d.second(kDelta, kGamma) = -p.gamma * p.delta * qq + curve;
  d.second(kDelta, kDelta) = p.delta * (e - q) + p.delta * p.delta * (ee - qq) - curve;
  return d;
}

}  // namespace

void require_valid(const BgBbParameters& p) {
  const std::array<std::pair<const char*, double>, 4> all{
      {{"alpha", p.alpha}, {"beta", p.beta}, {"gamma", p.gamma}, {"delta", p.delta}}};
  for (const auto& [name, value] : all)
    if (!(value >= 1e-100 && value <= 1e100))
      throw InvalidInput(name, -1, value, "greater than 0, between 1e-100 and 1e100");
}

Derivatives<4> bg_bb_derivatives(const BgBbParameters& p, const OpportunityCells& cells,
                                 const Execution& execution) {
  Derivatives<4> total = factorials_part(p, cells);
  const auto of_runs = [&](std::int64_t from, std::int64_t to) {
    Derivatives<4> part;
    for (std::int64_t run = from; run < to; ++run) {
      const std::int64_t first = cells.first[run];
      part +=
          of_run(p, std::span(cells.cell).subspan(first, cells.first[run + 1] - first), execution);
    }
    return part;
  };
  total += block_reduce(cells.runs(), execution, Derivatives<4>{}, of_runs, 32);
  return total;
}

Derivatives<4> bg_bb_log_likelihood(const BgBbParameters& parameters,
                                    const PurchaseOpportunities& purchases,
                                    const Execution& execution) {
  require_valid(parameters);
  return bg_bb_derivatives(parameters, distinct_cells(purchases, execution), execution);
}

Buffer<double> bg_bb_row_log_likelihood(const BgBbParameters& p,
                                        const PurchaseOpportunities& purchases,
                                        const Execution& execution) {
  require_valid(p);
  const double log_total = std::log(p.gamma + p.delta);
  return by_cell(
      purchases,
      [&](std::span<const OpportunityCell> run, double* out) {
        LogProduct hits;
        for (double j = 0.0; j < run[0].x; j += 1.0)
          hits.times((p.alpha + j) / (p.alpha + p.beta + j));
        each_miss(p, run, [&](std::size_t i, double log) { out[i] = hits.log() + log; });
        LogProduct stays;
        double t = 0.0;
        for (std::size_t i = run.size(); i-- > 0;) {
          for (; t < run[i].t_x; t += 1.0)
            stays.times((p.delta + t) / (p.gamma + p.delta + 1.0 + t));
          out[i] += stays.log() - log_total;
        }
        double ways = p.gamma + p.delta + run[0].n, k = run[0].n;
        for (std::size_t i = 0; i < run.size(); ++i) {
          while (k > run[i].t_x) {
            k -= 1.0;
            const double buys_not = (p.beta + (k - run[i].x)) / (p.alpha + p.beta + k);
            ways = p.gamma + buys_not * ((p.delta + k) / (p.gamma + p.delta + k + 1.0)) * ways;
          }
          out[i] += std::log(ways);
        }
      },
      execution);
}

Fit fit_bg_bb(const PurchaseOpportunities& purchases, const FitOptions& options,
              const Execution& execution) {
  const OpportunityCells cells = distinct_cells(purchases, execution);
  if (cells.cell.empty()) throw InvalidInput("frequency", -1, 0.0, "non-empty");
  if (!(cells.customers > 0.0 && std::isfinite(cells.customers)))
    throw InvalidInput("weight", -1, cells.customers,
                       "greater than 0 in at least one row, with a finite sum");
  const auto mean = [&](std::span<const double> u, std::int64_t) {
    const BgBbParameters p{std::exp(u[kAlpha]), std::exp(u[kBeta]), std::exp(u[kGamma]),
                           std::exp(u[kDelta])};
    return bg_bb_derivatives(p, cells, execution).times(-1.0 / cells.customers);
  };
  // Up to the last purchase, customers bought at this share of the opportunities at least.
  double bought = 0.0, seen = 0.0;
  for (const auto& c : cells.cell) {
    bought += c.weight * c.x;
    seen += c.weight * c.t_x;
  }
  const double share = std::clamp(seen > 0.0 ? bought / seen : 0.5, 0.05, 0.95);
  const auto start = [&](double buying, double gamma, double delta) {
    return std::vector{std::log(buying * share), std::log(buying * (1.0 - share)), std::log(gamma),
                       std::log(delta)};
  };
  const std::vector<std::vector<double>> starts{start(2.0, 0.5, 2.0), start(1.0, 1.0, 10.0),
                                                start(6.0, 0.3, 0.6), start(0.5, 3.0, 30.0)};
  const std::vector<double> ones(4, 1.0);
  const ModelScales scales{.parameter = ones, .penalty = ones, .log_likelihood_shift = 0.0};
  // Cells are so few that a part of them would save nothing: no coarse stage.
  return maximise(mean, starts, scales, cells.customers, 0, options);
}

}  // namespace tenure::clv
