#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "covariate_rows.hpp"
#include "falling.hpp"
#include "pareto_nbd_starts.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr int kLanes = kRowLanes;
constexpr int kChunk = kRowChunk;

/// Of the time t at which a customer left, or T for one who is alive: L = log((alpha + t)/(alpha +
/// t_x)), K the same with beta, A = t/(alpha + t), B = t/(beta + t).
enum Moment { kOne, kL, kK, kA, kB, kLL, kLK, kLA, kLB, kKK, kKA, kKB, kAA, kAB, kBB, kMoments };

/// What a row adds up to: the log of the likelihood, gradient and Hessian in log-parameters.
enum Term {
  kValue = kRowValue,
  kGradient = kRowGradient,
  kHessian = row_hessian(4),
  kTerms = row_terms(4)
};
using Sums = std::array<double, kTerms>;

enum Coordinate : std::size_t { kR, kAlpha, kS, kBeta };

struct Rows {
  const RepeatTimes* times;
  const double* weight;  ///< null: 1 each
  std::int64_t stride;
};

/// Rows of one frequency x, m = r + x; the last lanes may hold rows that do not count.
struct Chunk {
  int full;
  double r, s, m, cut;
  const double *t_x, *silent, *alpha, *beta;
};

/// The terms of each row, but for the gamma functions and x log alpha.
template <Order kOrder>
[[gnu::always_inline]] inline void add_terms(const Chunk& c, double (*term)[kChunk]) {
  constexpr bool kSecond = kOrder == Order::second;
  const int full = c.full;
  const double r = c.r, s = c.s, m = c.m, cut = c.cut;
  const double *const t_x = c.t_x, *const silent = c.silent;
  const double *const alpha = c.alpha, *const beta = c.beta;
  alignas(64) double a[kChunk], b[kChunk], rate[kChunk], range[kChunk];
  alignas(64) double moment[kMoments][kChunk];
  double longest = 0.0;
  for (int i = 0; i < full; ++i) {
    a[i] = 1.0 / (alpha[i] + t_x[i]);
    b[i] = 1.0 / (beta[i] + t_x[i]);
    rate[i] = falling::rate(m, a[i], s, b[i]);
    const double told = std::min(silent[i], cut * (alpha[i] + t_x[i]));
    range[i] = special::vector_log(1.0 + rate[i] * told);
  }
  for (int i = 0; i < full; ++i) longest = std::max(longest, range[i]);
  for (int k = 0; k < (kSecond ? kMoments : kLL); ++k)
    for (int i = 0; i < full; ++i) moment[k][i] = 0.0;

  const special::QuadratureRule& rule = falling::rule(falling::grade_of(longest));
  for (std::size_t j = 0; j < rule.node.size(); ++j) {
    const double node = rule.node[j], weight = rule.weight[j];
    for (int i = 0; i < full; ++i) {
      const double q = node * range[i];
      const double grown = special::vector_exp(q);
      const double since = (grown - 1.0) / rate[i];
      const double ya = 1.0 + since * a[i], yb = 1.0 + since * b[i];
      const double log_a = special::vector_log(ya), log_b = special::vector_log(yb);
      // dt = grown / rate dq.
      const double f = weight * grown * special::vector_exp(-m * log_a - (s + 1.0) * log_b);
      const double t = t_x[i] + since;
      const double in_a = t * a[i] / ya, in_b = t * b[i] / yb;
      const double fl = f * log_a, fk = f * log_b, fa = f * in_a, fb = f * in_b;
      moment[kOne][i] += f;
      moment[kL][i] += fl;
      moment[kK][i] += fk;
      moment[kA][i] += fa;
      moment[kB][i] += fb;
      if constexpr (!kSecond) continue;
      moment[kLL][i] += fl * log_a;
      moment[kLK][i] += fl * log_b;
      moment[kLA][i] += fl * in_a;
      moment[kLB][i] += fl * in_b;
      moment[kKK][i] += fk * log_b;
      moment[kKA][i] += fk * in_a;
      moment[kKB][i] += fk * in_b;
      moment[kAA][i] += fa * in_a;
      moment[kAB][i] += fa * in_b;
      moment[kBB][i] += fb * in_b;
    }
  }

  for (int i = 0; i < full; ++i) {
    // Until here relative to the density at t_x. P(alive) has an atom at T.
    const double scale = s * b[i] * range[i] / rate[i];
    const double ya = 1.0 + silent[i] * a[i], yb = 1.0 + silent[i] * b[i];
    const double log_a = special::vector_log(ya), log_b = special::vector_log(yb);
    const double stay = special::vector_exp(-m * log_a - s * log_b);
    const double t = t_x[i] + silent[i];
    const double in_a = t * a[i] / ya, in_b = t * b[i] / yb;
    const double total = stay + scale * moment[kOne][i];
    const double dead = scale / total, alive = stay / total;
    // Moments of those who left, then of all.
    const double d = dead * moment[kOne][i];
    const double db = dead * moment[kB][i];
    const double dk = dead * moment[kK][i], dl = dead * moment[kL][i];
    const double da = dead * moment[kA][i];
    const double el = dl + alive * log_a, ek = dk + alive * log_b;
    const double ea = da + alive * in_a, eb = db + alive * in_b;

    const double from_a = special::vector_log(1.0 + t_x[i] / alpha[i]);
    const double from_b = special::vector_log(1.0 + t_x[i] / beta[i]);
    // With D = 1 of those who left, the slopes of the log-density are R = -r L, M = m A,
    // S = D - s K and N = s B - D (1 - B); their means:
    const double mean_r = -r * el, mean_m = m * ea, mean_s = d - s * ek;
    const double mean_n = s * eb - d + db;
    term[kValue][i] = special::vector_log(total) - m * from_a - s * from_b;
    const double slope_r = mean_r - r * from_a, slope_s = mean_s - s * from_b;
    term[kGradient + 0][i] = slope_r;
    term[kGradient + 1][i] = mean_m;
    term[kGradient + 2][i] = slope_s;
    term[kGradient + 3][i] = mean_n;
    if constexpr (!kSecond) continue;

    const double dbb = dead * moment[kBB][i];
    const double ell = dead * moment[kLL][i] + alive * log_a * log_a;
    const double elk = dead * moment[kLK][i] + alive * log_a * log_b;
    const double ela = dead * moment[kLA][i] + alive * log_a * in_a;
    const double dlb = dead * moment[kLB][i], elb = dlb + alive * log_a * in_b;
    const double ekk = dead * moment[kKK][i] + alive * log_b * log_b;
    const double eka = dead * moment[kKA][i] + alive * log_b * in_a;
    const double dkb = dead * moment[kKB][i], ekb = dkb + alive * log_b * in_b;
    const double eaa = dead * moment[kAA][i] + alive * in_a * in_a;
    const double dab = dead * moment[kAB][i], eab = dab + alive * in_a * in_b;
    const double ebb = dbb + alive * in_b * in_b;
    // Means of the products of slopes:
    const double rr = r * r * ell, rm = -r * m * ela;
    const double rs = -r * (dl - s * elk);
    const double rn = -r * (s * elb - dl + dlb);
    const double mm = m * m * eaa, ms = m * (da - s * eka);
    const double mn = m * (s * eab - da + dab);
    const double ss = d - 2.0 * s * dk + s * s * ekk;
    const double sn = s * db - d + db - s * (s * ekb - dk + dkb);
    const double nn = s * s * ebb - 2.0 * s * (db - dbb) + d - 2.0 * db + dbb;

    // (r, r), (alpha, r), (alpha, alpha), (s, r), (s, alpha), (s, s), (beta, r), ...
    term[kHessian + 0][i] = slope_r + rr - mean_r * mean_r;
    term[kHessian + 1][i] = r * ea + rm - mean_r * mean_m;
    term[kHessian + 2][i] = -m * (ea - eaa) + mm - mean_m * mean_m;
    term[kHessian + 3][i] = rs - mean_r * mean_s;
    term[kHessian + 4][i] = ms - mean_m * mean_s;
    term[kHessian + 5][i] = slope_s - d + ss - mean_s * mean_s;
    term[kHessian + 6][i] = rn - mean_r * mean_n;
    term[kHessian + 7][i] = mn - mean_m * mean_n;
    term[kHessian + 8][i] = s * eb + sn - mean_s * mean_n;
    term[kHessian + 9][i] = -s * (eb - ebb) - (db - dbb) + nn - mean_n * mean_n;
  }
}

/// Rows [from, to) in steps of the stride, all of one frequency x.
template <Order kOrder>
[[gnu::always_inline]] inline void add_rows_to(const Rows& rows, std::int64_t from, std::int64_t to,
                                               const ParetoNbdParameters& p, double x, double cut,
                                               Sums& sums) {
  alignas(64) double w[kChunk], t_x[kChunk], silent[kChunk], alpha[kChunk], beta[kChunk];
  alignas(64) double term[kTerms][kChunk];
  for (int i = 0; i < kChunk; ++i) alpha[i] = p.alpha;
  for (int i = 0; i < kChunk; ++i) beta[i] = p.beta;
  for (std::int64_t first = from; first < to; first += kChunk * rows.stride) {
    const int n = static_cast<int>(
        std::min<std::int64_t>(kChunk, (to - first + rows.stride - 1) / rows.stride));
    for (int i = 0; i < n; ++i) {
      const RepeatTimes& t = rows.times[first + i * rows.stride];
      t_x[i] = t.recency;
      silent[i] = t.age - t.recency;
      w[i] = rows.weight ? rows.weight[first + i * rows.stride] : 1.0;
    }
    // Rows of weight 0 fill the last lanes.
    const int full = (n + kLanes - 1) / kLanes * kLanes;
    for (int i = n; i < full; ++i) w[i] = t_x[i] = silent[i] = 0.0;

    add_terms<kOrder>({full, p.r, p.s, p.r + x, cut, t_x, silent, alpha, beta}, term);
    for (int k = 0; k < (kOrder == Order::second ? kTerms : kHessian); ++k) {
      double lane[kLanes] = {};
      for (int i = 0; i < full; i += kLanes)
        for (int l = 0; l < kLanes; ++l) lane[l] += w[i + l] * term[k][i + l];
      sums[static_cast<std::size_t>(k)] +=
          ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
  }
}

TENURE_CLONES void add_rows(const Rows& rows, std::int64_t from, std::int64_t to,
                            const ParetoNbdParameters& p, double x, double cut, Sums& sums) {
  add_rows_to<Order::second>(rows, from, to, p, x, cut, sums);
}

TENURE_CLONES void add_slopes(const Rows& rows, std::int64_t from, std::int64_t to,
                              const ParetoNbdParameters& p, double x, double cut, Sums& sums) {
  add_rows_to<Order::first>(rows, from, to, p, x, cut, sums);
}

/// Rows whose alpha and beta are their own.
TENURE_CLONES void terms_of_rows(const RowChunk& c, double (*term)[kRowChunk]) {
  alignas(64) double silent[kRowChunk];
  for (int i = 0; i < c.full; ++i) silent[i] = c.age[i] - c.recency[i];
  const double r = c.parameter[kR][0], s = c.parameter[kS][0], m = r + c.x;
  const double* const alpha = c.parameter[kAlpha];
  add_terms<Order::second>(
      {c.full, r, s, m, falling::cut(m), c.recency, silent, alpha, c.parameter[kBeta]}, term);
  const RisingFactorial in_r = rising_factorial(r, c.x);
  for (int i = 0; i < c.full; ++i) {
    term[kValue][i] += in_r.log - c.x * special::vector_log(alpha[i]);
    term[kGradient][i] += r * in_r.first;
    term[kGradient + 1][i] -= c.x;
    term[kHessian][i] += r * (in_r.first + r * in_r.second);
  }
}

/// The gamma functions and x log alpha: all that depends on x alone.
Derivatives<4> frequency_part(const ParetoNbdParameters& p, const PurchaseSample& sample) {
  const auto in_r = rising_factorials(p.r, sample.x);
  Derivatives<4> d;
  for (std::size_t g = 0; g < sample.x.size(); ++g) {
    const double w = sample.x_weight[g];
    d.value += w * in_r[g].log;
    d.gradient[kR] += w * p.r * in_r[g].first;
    d.second(kR, kR) += w * p.r * (in_r[g].first + p.r * in_r[g].second);
  }
  d.value -= sample.purchases * std::log(p.alpha);
  d.gradient[kAlpha] -= sample.purchases;
  return d;
}

}  // namespace

void require_valid(const ParetoNbdParameters& p) {
  const std::array<std::pair<const char*, double>, 4> all{
      {{"r", p.r}, {"alpha", p.alpha}, {"s", p.s}, {"beta", p.beta}}};
  for (const auto& [name, value] : all)
    if (!(std::isnormal(value) && value > 0.0))
      throw InvalidInput(name, -1, value, "finite and > 0");
}

Derivatives<4> pareto_nbd_derivatives(const ParetoNbdParameters& p, const PurchaseSample& sample,
                                      std::int64_t stride, const Execution& execution,
                                      Order order) {
  Derivatives<4> total = frequency_part(p, sample);
  const Rows rows{sample.repeat_times.data(),
                  sample.repeat_weight.empty() ? nullptr : sample.repeat_weight.data(), stride};
  const auto of_rows = [&](std::int64_t from, std::int64_t to) {
    Derivatives<4> part;
    const auto add = [&](double x, std::int64_t first, std::int64_t last, double factor) {
      Sums sums{};
      (order == Order::first ? add_slopes : add_rows)(rows, first, last, p, x,
                                                      falling::cut(p.r + x), sums);
      part.value += factor * sums[kValue];
      for (std::size_t k = 0; k < 4; ++k) part.gradient[k] += factor * sums[kGradient + k];
      for (std::size_t k = 0; k < 10; ++k) part.hessian[k] += factor * sums[kHessian + k];
    };
    sample.each_run(from, to, stride, add);
    return part;
  };
  total += block_reduce(sample.repeat_rows(), execution, Derivatives<4>{}, of_rows, 1024);
  if (order == Order::first) total.hessian = {};  // what there is of it is not all
  return total;
}

Derivatives<4> pareto_nbd_log_likelihood(const ParetoNbdParameters& parameters,
                                         const RepeatPurchases& purchases,
                                         const Execution& execution) {
  require_valid(parameters);
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  ParetoNbdParameters scaled = parameters;
  scaled.alpha *= sample.time_scale;
  scaled.beta *= sample.time_scale;
  Derivatives<4> d = pareto_nbd_derivatives(scaled, sample, 1, execution);
  d.value += sample.purchases * std::log(sample.time_scale);
  return d;
}

std::vector<std::vector<double>> pareto_nbd_starts(const PurchaseSample& sample) {
  // alpha such that customers who never leave would buy somewhat more than was seen; beta about as
  // long as they were watched.
  const double age = sample.mean_age > 0.0 ? sample.mean_age : 1.0;
  const auto start = [&](double r, double s, double watched) {
    const double rate =
        1.5 * std::max(sample.purchases, 1e-3 * sample.customers) / sample.customers;
    return std::vector{std::log(r), std::log(r * age / rate), std::log(s), std::log(watched * age)};
  };
  return {start(0.5, 0.5, 0.5), start(2.0, 1.0, 2.0), start(0.2, 0.2, 0.1), start(1.0, 3.0, 5.0)};
}

namespace {

ParetoNbdParameters at_coordinates(std::span<const double> u, double log_unit) {
  return {std::exp(u[kR]), std::exp(u[kAlpha] + log_unit), std::exp(u[kS]),
          std::exp(u[kBeta] + log_unit)};
}

}  // namespace

PreparedLikelihood prepare_pareto_nbd(const RepeatPurchases& purchases,
                                      const Execution& execution) {
  const auto sample = std::make_shared<const PurchaseSample>(
      sample_purchases(purchases, SampleRows::everyone, execution));
  const double unit = std::log(sample->time_scale);
  PreparedLikelihood prepared{.parameters = 4, .customers = sample->customers};
  prepared.at = [=](std::span<const double> u, Order order, const Execution& run) {
    Derivatives<4> d = pareto_nbd_derivatives(at_coordinates(u, unit), *sample, 1, run, order);
    d.value += sample->purchases * unit;
    return d.times(1.0);
  };
  prepared.starts = pareto_nbd_starts(*sample);
  for (auto& start : prepared.starts) {
    start[kAlpha] -= unit;
    start[kBeta] -= unit;
  }
  return prepared;
}

Fit fit_pareto_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                   const Execution& execution) {
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  const auto mean = [&](std::span<const double> u, std::int64_t stride) {
    return pareto_nbd_derivatives(at_coordinates(u, 0.0), sample, stride, execution)
        .times(-1.0 / sample.customers);
  };

  double longest = 0.0;
  for (const double t : sample.age.span()) longest = std::max(longest, t);
  const double in_tenths = longest > 0.0 ? 10.0 / longest : 1.0;
  const double back = 1.0 / sample.time_scale;
  const ModelScales scales{.parameter = {1.0, back, 1.0, back},
                           .penalty = {1.0, in_tenths, 1.0, in_tenths},
                           .log_likelihood_shift = sample.purchases * std::log(sample.time_scale)};
  return maximise(mean, pareto_nbd_starts(sample), scales, sample.customers, sample.repeat_rows(),
                  options);
}

const RowKernel& pareto_nbd_rows() {
  static constexpr RowKernel kernel{terms_of_rows, 4, {0, 1, 0, 1}};
  return kernel;
}

}  // namespace tenure::clv
