#include <array>
#include <cmath>
#include <utility>

#include "gompertz_lifetime.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

enum Coordinate : std::size_t { kR, kAlpha, kB, kS, kRatio };

struct Point {
  double r, alpha;
  GompertzLifetime life;
};

/// What a time t = t_x + since asks of a customer, from what t_x asks: logs and sums only where
/// they do not cancel.
struct Moment {
  double t, log_age, worn;  ///< log(1 + t/alpha), -log S(t) / s
  double spread, fresh;     ///< of the lifetime at t, and S(t)^(1/s)
  double log_since;         ///< log of the chance to be silent and there from t_x to t

  Moment(const Point& p, double at)
      : t(at),
        log_age(std::log1p(at / p.alpha)),
        worn(p.life.wear(at)),
        spread(p.life.spread(at)),
        fresh(std::exp(-worn)),
        log_since(0.0) {}

  Moment(const Point& p, const Moment& begin, double m, double since) : t(begin.t + since) {
    const double aged = std::log1p(since / (p.alpha + begin.t)), z = p.life.b * since;
    double wears = 0.0;
    if (z < 300.0) {
      const double grown = std::expm1(z);
      const double run = z > 0.0 ? grown / p.life.b : since;
      wears = std::log1p(run / begin.spread);
      spread = (begin.spread + run) / (1.0 + grown);
      fresh = begin.fresh / (1.0 + run / begin.spread);
    } else {
      spread = p.life.after(begin.t).spread(since);
      wears = z + std::log(spread / begin.spread);
      fresh = begin.fresh * std::exp(-wears);
    }
    log_age = begin.log_age + aged;
    worn = begin.worn + wears;
    log_since = -m * aged - p.life.s * wears;
  }
};

/// First and second derivatives, in log-parameters, of
/// -m log(1 + t/alpha) + log S(t) + ends log(hazard at t).
struct Slopes {
  std::array<double, 5> first;
  std::array<double, 15> second{};

  Slopes(const Point& p, double m, const Moment& at, double ends) {
    const auto& [b, s, ratio] = p.life;
    const double t = at.t, log_age = at.log_age, worn = at.worn, fresh = at.fresh;
    const double share = t / (p.alpha + t);
    const double k = t / at.spread - (1.0 - fresh), kk = b * t * (t / at.spread) - k;
    const double c = s + ends;
    first = {-p.r * log_age, m * share, ends * b * t - c * k, ends - s * worn, s - c * fresh};
    second[0] = -p.r * log_age;                          // r r
    second[1] = p.r * share;                             // alpha r
    second[2] = -m * share * (p.alpha / (p.alpha + t));  // alpha alpha
    second[5] = ends * b * t - c * (kk - k * k);         // b b
    second[8] = -s * k;                                  // s b
    second[9] = -s * worn;                               // s s
    second[12] = c * k * fresh;                          // ratio b
    second[13] = s * (1.0 - fresh);                      // ratio s
    second[14] = -c * fresh * (1.0 - fresh);             // ratio ratio
  }
};

/// Means, under the time of leaving, of the slopes less those at t_x, and of their products.
struct Means {
  double mass = 0.0;
  std::array<double, 5> first{};
  std::array<double, 15> second{};

  void add(double w, const Slopes& slopes, const std::array<double, 5>& base) {
    mass += w;
    std::array<double, 5> g;
    for (std::size_t i = 0; i < 5; ++i) first[i] += w * (g[i] = slopes.first[i] - base[i]);
    for (std::size_t i = 0, at = 0; i < 5; ++i)
      for (std::size_t j = 0; j <= i; ++j, ++at)
        second[at] += w * (g[i] * g[j] + slopes.second[at]);
  }
};

/// log of the likelihood of one row, without the gamma functions and alpha^-x.
Derivatives<5> of_row(const Point& p, double x, double t_x, double age) {
  const double m = p.r + x, silent = age - t_x;
  const GompertzLifetime rest = p.life.after(t_x);
  const Moment begin(p, t_x), end(p, begin, m, silent);
  const Slopes base(p, m, begin, 1.0);
  Means sum;
  sum.add(std::exp(end.log_since), Slopes(p, m, end, 0.0), base.first);
  const special::QuadratureRule& rule = panel_rule();
  for (double since = 0.0; since < silent;) {
    // What leaves later weighs less than what is still there.
    const double there = Moment(p, begin, m, since).log_since;
    if (std::exp(there) <= 1e-18 * sum.mass) break;
    const double length = panel_length(rest, since, silent - since, p.alpha + t_x,
                                       [&](double at) { return m / (p.alpha + t_x + at); });
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const Moment at(p, begin, m, since + length * rule.node[j]);
      const double w = rule.weight[j] * length * p.life.s / at.spread;
      sum.add(w * std::exp(at.log_since), Slopes(p, m, at, 1.0), base.first);
    }
    // In the end what is left is rounding, or a panel too short for a double.
    if (silent - (since + length) <= 1e-15 * silent || !(length > 0.0)) break;
    since += length;
  }
  Derivatives<5> d;
  d.value = std::log(sum.mass) - m * begin.log_age - p.life.s * begin.worn;
  std::array<double, 5> mean;
  for (std::size_t i = 0; i < 5; ++i) {
    mean[i] = sum.first[i] / sum.mass;
    d.gradient[i] = base.first[i] + mean[i];
  }
  for (std::size_t i = 0, at = 0; i < 5; ++i)
    for (std::size_t j = 0; j <= i; ++j, ++at)
      d.hessian[at] = sum.second[at] / sum.mass - mean[i] * mean[j];
  return d;
}

Derivatives<5> of_sample(const Point& p, const PurchaseSample& sample, std::int64_t stride,
                         const Execution& execution) {
  const auto in_r = rising_factorials(p.r, sample.x);
  Derivatives<5> total;
  for (std::size_t g = 0; g < sample.x.size(); ++g) {
    const double w = sample.x_weight[g];
    total.value += w * in_r[g].log;
    total.gradient[kR] += w * p.r * in_r[g].first;
    total.second(kR, kR) += w * p.r * (in_r[g].first + p.r * in_r[g].second);
  }
  total.value -= sample.purchases * std::log(p.alpha);
  total.gradient[kAlpha] -= sample.purchases;
  const auto of_rows = [&](std::int64_t from, std::int64_t to) {
    Derivatives<5> part;
    sample.each_run(
        from, to, stride, [&](double x, std::int64_t first, std::int64_t last, double factor) {
          for (std::int64_t i = first; i < last; i += stride) {
            const RepeatTimes& t = sample.repeat_times[i];
            const double w = sample.repeat_weight.empty() ? 1.0 : sample.repeat_weight[i];
            Derivatives<5> row = of_row(p, x, t.recency, t.age);
            part.value += factor * w * row.value;
            for (std::size_t k = 0; k < 5; ++k) part.gradient[k] += factor * w * row.gradient[k];
            for (std::size_t k = 0; k < 15; ++k) part.hessian[k] += factor * w * row.hessian[k];
          }
        });
    return part;
  };
  total += block_reduce(sample.repeat_rows(), execution, Derivatives<5>{}, of_rows, 256);
  return total;
}

}  // namespace

void require_valid(const GGompertzNbdParameters& p) {
  const std::array<std::pair<const char*, double>, 6> all{{{"r", p.r},
                                                           {"alpha", p.alpha},
                                                           {"b", p.b},
                                                           {"s", p.s},
                                                           {"beta", p.beta},
                                                           {"beta / b", p.beta / p.b}}};
  for (const auto& [name, value] : all)
    if (!(std::isnormal(value) && value > 0.0))
      throw InvalidInput(name, -1, value, "finite and > 0");
}

Derivatives<5> ggompertz_nbd_log_likelihood(const GGompertzNbdParameters& parameters,
                                            const RepeatPurchases& purchases,
                                            const Execution& execution) {
  require_valid(parameters);
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  const double scale = sample.time_scale;
  const Point p{parameters.r,
                parameters.alpha * scale,
                {parameters.b / scale, parameters.s, parameters.beta / parameters.b * scale}};
  Derivatives<5> d = of_sample(p, sample, 1, execution);
  d.value += sample.purchases * std::log(scale);
  // From beta/b to beta: b moves it the other way.
  d.gradient[kB] -= d.gradient[kRatio];
  d.second(kB, kB) += d.second(kRatio, kRatio) - 2.0 * d.second(kRatio, kB);
  d.second(kB, kAlpha) -= d.second(kRatio, kAlpha);
  d.second(kB, kR) -= d.second(kRatio, kR);
  d.second(kS, kB) -= d.second(kRatio, kS);
  d.second(kRatio, kB) -= d.second(kRatio, kRatio);
  return d;
}

Fit fit_ggompertz_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                      const Execution& execution) {
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  const auto mean = [&](std::span<const double> u, std::int64_t stride) {
    const Point p{std::exp(u[kR]),
                  std::exp(u[kAlpha]),
                  {std::exp(u[kB]), std::exp(u[kS]), std::exp(u[kRatio])}};
    return of_sample(p, sample, stride, execution).times(-1.0 / sample.customers);
  };
  const double age = sample.mean_age > 0.0 ? sample.mean_age : 1.0;
  const auto start = [&](double r, double b, double s, double watched) {
    const double rate =
        1.5 * std::max(sample.purchases, 1e-3 * sample.customers) / sample.customers;
    return std::vector{std::log(r), std::log(r * age / rate), std::log(b / age), std::log(s),
                       std::log(watched * age)};
  };
  const std::vector<std::vector<double>> starts{start(0.5, 0.3, 0.5, 0.5),
                                                start(2.0, 2.0, 1.0, 5.0)};

  double longest = 0.0;
  for (const double t : sample.age.span()) longest = std::max(longest, t);
  const double in_tenths = longest > 0.0 ? 10.0 / longest : 1.0;
  const double back = 1.0 / sample.time_scale;
  const ModelScales scales{.parameter = {1.0, back, sample.time_scale, 1.0, back},
                           .penalty = {1.0, in_tenths, 1.0 / in_tenths, 1.0, in_tenths},
                           .log_likelihood_shift = sample.purchases * std::log(sample.time_scale)};
  Fit fit = maximise(mean, starts, scales, sample.customers, sample.repeat_rows(), options);
  fit.parameters[kRatio] *= fit.parameters[kB];
  for (std::size_t i = 0; i < 5; ++i) fit.log_covariance[20 + i] += fit.log_covariance[10 + i];
  for (std::size_t i = 0; i < 5; ++i)
    fit.log_covariance[5 * i + 4] += fit.log_covariance[5 * i + 2];
  return fit;
}

}  // namespace tenure::clv
