#include "ggompertz_nbd_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::clv {
namespace {

constexpr int kLanes = 4;  // the order of summation is fixed, whatever the width of the vectors
/// Nodes of a panel and one place for the end of observation: of long panels, and of those on which
/// little happens.
constexpr int kLong = 16, kShort = 8;
constexpr double kNothing = 1e-18;  // of a sum, which is then done

/// Sums over the time of leaving: mass, slopes less those at t_x, their products, and what second
/// derivatives have beside them.
enum Sum {
  kMass,
  kSlope,
  kProduct = kSlope + 5,
  kAge = kProduct + 15,
  kGrowth,
  kRun,
  kRunFresh,
  kFreshWorn,
  kWears,
  kFresh,
  kSums
};

/// A customer from the last purchase on: `near` is alpha + t_x; spread and freshness (S^(1/s)) of
/// the lifetime at t_x; and the slopes there.
struct Begin {
  double r, alpha, b, s, m, t_x, near, spread, fresh, slope_b;
};

[[gnu::always_inline]] inline double log1p_of(double ratio) {
  const double u = 1.0 + ratio;
  return special::vector_log(u) + (ratio - (u - 1.0)) / u;
}

constexpr double kSmall = 0.35;

/// (exp(z) - 1) / z for |z| < kSmall.
[[gnu::always_inline]] inline double small_growth(double z) {
  double series = 1.0 / 6227020800.0;
  series = series * z + 1.0 / 479001600.0;
  series = series * z + 1.0 / 39916800.0;
  series = series * z + 1.0 / 3628800.0;
  series = series * z + 1.0 / 362880.0;
  series = series * z + 1.0 / 40320.0;
  series = series * z + 1.0 / 5040.0;
  series = series * z + 1.0 / 720.0;
  series = series * z + 1.0 / 120.0;
  series = series * z + 1.0 / 24.0;
  series = series * z + 1.0 / 6.0;
  series = series * z + 0.5;
  return series * z + 1.0;
}

/// Sum of a[i] * b[i] over a batch.
template <int kBatch>
[[gnu::always_inline]] inline double dot(const double* a, const double* b) {
  double lane[kLanes] = {};
  for (int i = 0; i < kBatch; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lane[l] += a[i + l] * b[i + l];
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

/// Nodes and weights in (0, 1), and a place for the end of observation.
template <int kBatch>
struct Rule {
  alignas(64) double node[kBatch] = {}, weight[kBatch] = {}, leaving[kBatch] = {};

  Rule() {
    const special::QuadratureRule rule = special::gauss_legendre(kBatch - 1);
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      node[j] = rule.node[j];
      weight[j] = rule.weight[j];
      leaving[j] = 1.0;
    }
  }
};

/// Adds the panel of times since t_x that begins at `from`, and is `length` long in the log of
/// those plus scale - from; and with the weight `end`, what has not happened by `silent`.
template <int kBatch>
[[gnu::always_inline]] inline void add(const Begin& at, const Rule<kBatch>& rule, double from,
                                       double scale, double length, double silent, double end,
                                       double* sums) {
  constexpr int kNodes = kBatch - 1;
  alignas(64) double since[kBatch], w[kBatch], g[5][kBatch], wg[5][kBatch];
  alignas(64) double more[kSums - kAge][kBatch];
  if (length < kSmall) {
    for (int i = 0; i < kBatch; ++i) {
      const double q = length * rule.node[i];
      since[i] = q * small_growth(q);
    }
  } else {
    for (int i = 0; i < kBatch; ++i) since[i] = special::vector_exp(length * rule.node[i]) - 1.0;
  }
  for (int i = 0; i < kBatch; ++i) {
    w[i] = rule.weight[i] * length * scale * (1.0 + since[i]);
    since[i] = from + scale * since[i];
  }
  since[kNodes] = silent;
  w[kNodes] = end;
  for (int i = 0; i < kBatch; ++i) {
    const double z = at.b * since[i], fallen = special::vector_exp(-z);
    const double small = z < kSmall ? z : 0.0, large = z < kSmall ? 1.0 : z;
    const double shrunk = z < kSmall ? small_growth(-small) : (1.0 - fallen) / large;
    const double run = since[i] * shrunk, left = at.spread * fallen, spread = left + run;
    // log(1 + run / left), of which far out nothing is left.
    const bool near = z < 300.0;
    const double ratio = near ? run / left : spread / at.spread - 1.0, grown = 1.0 + ratio;
    const double rounding = near ? (ratio - (grown - 1.0)) / grown : z;
    const double wears = special::vector_log(near ? grown : spread / at.spread) + rounding;
    const double fresh = at.fresh * (left / spread);
    const double leaving = rule.leaving[i];
    const double aged = log1p_of(since[i] / at.near);
    const double t = at.t_x + since[i], age = at.alpha + t;
    const double share = t / age, older = at.alpha / age * (since[i] / at.near);
    const double k = t / spread - (1.0 - fresh);
    const double kk = at.b * t * (t / spread) - k;
    const double c = at.s + leaving;
    const double hazard = leaving * (at.s / spread) + (1.0 - leaving);
    w[i] *= hazard * special::vector_exp(-at.m * aged - at.s * wears);
    g[0][i] = -at.r * aged;
    g[1][i] = at.m * older;
    g[2][i] = leaving * at.b * t - c * k - at.slope_b;
    g[3][i] = (leaving - 1.0) - at.s * wears;
    g[4][i] = (at.s + 1.0) * at.fresh - c * fresh;
    more[kAge - kAge][i] = share * (at.alpha / age);
    more[kGrowth - kAge][i] = leaving * at.b * t - c * (kk - k * k);
    more[kRun - kAge][i] = k;
    more[kRunFresh - kAge][i] = c * k * fresh;
    more[kFreshWorn - kAge][i] = c * fresh * (1.0 - fresh);
    more[kWears - kAge][i] = wears;
    more[kFresh - kAge][i] = fresh;
  }
  for (int k = 0; k < 5; ++k)
    for (int i = 0; i < kBatch; ++i) wg[k][i] = w[i] * g[k][i];
  alignas(64) double one[kBatch];
  for (int i = 0; i < kBatch; ++i) one[i] = 1.0;
  sums[kMass] += dot<kBatch>(w, one);
  for (int k = 0, at_product = kProduct; k < 5; ++k) {
    sums[kSlope + k] += dot<kBatch>(wg[k], one);
    for (int j = 0; j <= k; ++j, ++at_product) sums[at_product] += dot<kBatch>(wg[k], g[j]);
  }
  for (int k = kAge; k < kSums; ++k) sums[k] += dot<kBatch>(w, more[k - kAge]);
}

TENURE_CLONES void add_long(const Begin& at, const Rule<kLong>& rule, double from, double scale,
                            double length, double silent, double end, double* sums) {
  add<kLong>(at, rule, from, scale, length, silent, end, sums);
}

TENURE_CLONES void add_short(const Begin& at, const Rule<kShort>& rule, double from, double scale,
                             double length, double silent, double end, double* sums) {
  add<kShort>(at, rule, from, scale, length, silent, end, sums);
}

}  // namespace

GGompertzRows::GGompertzRows(const GGompertzPoint& point) : p_(point) {
  const auto& [b, s, ratio] = p_.life;
  const double beta = b * ratio;
  zero_ = beta < 1.0 ? (beta > 1e-8 ? std::log1p(-beta) / b : -ratio) : std::log(beta - 1.0) / b;
  beside_ = beta < 1.0 ? 0.0 : std::numbers::pi / b;
}

Derivatives<5> GGompertzRows::of(double x, double t_x, double age) const {
  const auto& [b, s, ratio] = p_.life;
  const double m = p_.r + x, silent = age - t_x;
  const GompertzLifetime rest = p_.life.after(t_x);
  const double worn = p_.life.wear(t_x), fresh = std::exp(-worn);
  const double run = t_x / rest.ratio - (1.0 - fresh);
  const Begin begin{p_.r, p_.alpha,       b,          s,     m,
                    t_x,  p_.alpha + t_x, rest.ratio, fresh, b * t_x - (s + 1.0) * run};

  // In q = log(1 + since / unit) powers of both kinds are smooth on all scales: what is singular on
  // the real axis lies at -unit or has an imaginary part of pi.
  const double unit = beside_ > 0.0 ? begin.near : std::min(begin.near, t_x - zero_);
  const double bends = std::abs(1.0 - b * rest.ratio);
  // At which the log of the integrand changes, at most, give or take a little.
  const auto speed = [&](double at) {
    const double z = b * at, fallen = std::exp(-z);
    const double spread = rest.ratio * fallen + (z > 1e-4 ? (1.0 - fallen) / b : at);
    return (s + bends * fallen) / spread + m / (begin.near + at);
  };
  std::array<double, kSums> sums{};
  static const Rule<kLong> long_rule;
  static const Rule<kShort> short_rule;
  double from = 0.0, fast = speed(0.0), end = 1.0;
  do {
    const double scale = unit + from;
    const double range = std::log1p((silent - from) / scale);
    double length = std::min({range, 2.0, 6.0 / (fast * scale)});
    if (beside_ > 0.0) {
      // A panel ends before it comes near what lies beside it, or is short for its distance.
      const double ahead = (unit + zero_ - t_x) / scale, aside = beside_ / scale;
      const double along = std::log(std::hypot(ahead, aside)), off = std::atan2(aside, ahead);
      length = std::min(length, along > 0.0 ? std::max(0.65 * along, off) : std::hypot(along, off));
    }
    double to = 0.0, next = 0.0;
    for (;; length *= 0.5) {
      to = length < range ? from + scale * std::expm1(length) : silent;
      next = speed(to);
      if (!((to - from) * next > 6.0)) break;
    }
    if (length < 0.5 && beside_ == 0.0 && (to - from) * std::max(fast, next) < 1.2)
      add_short(begin, short_rule, from, scale, length, silent, end, sums.data());
    else
      add_long(begin, long_rule, from, scale, length, silent, end, sums.data());
    end = 0.0;
    // In the end what is left is rounding, or a panel too short for a double.
    if (silent - to <= 1e-15 * silent || !(to > from)) break;
    from = to;
    fast = next;
    // What leaves later weighs less than what is still there.
  } while (std::exp(-m * std::log1p(from / begin.near) - s * rest.wear(from)) >
           kNothing * sums[kMass]);

  const double mass = sums[kMass], start_age = std::log1p(t_x / p_.alpha);
  const double share = t_x / begin.near;
  Derivatives<5> d;
  d.value = std::log(mass) - m * start_age - s * worn;
  std::array<double, 5> mean;
  for (std::size_t k = 0; k < 5; ++k) mean[k] = sums[kSlope + k] / mass;
  // Means of what is not a slope; the slopes at t_x are added to those since then.
  const auto mean_of = [&](Sum which) { return sums[which] / mass; };
  const double run_mean = mean_of(kRun), fresh_mean = mean_of(kFresh);
  d.gradient = {-p_.r * start_age + mean[0], m * share + mean[1], begin.slope_b + mean[2],
                1.0 - s * worn + mean[3], s - (s + 1.0) * fresh + mean[4]};
  for (std::size_t i = 0, at = 0; i < 5; ++i)
    for (std::size_t j = 0; j <= i; ++j, ++at)
      d.hessian[at] = sums[kProduct + at] / mass - mean[i] * mean[j];
  d.hessian[0] += d.gradient[0];                 // r r
  d.hessian[1] += p_.r / m * d.gradient[1];      // alpha r
  d.hessian[2] -= m * mean_of(kAge);             // alpha alpha
  d.hessian[5] += mean_of(kGrowth);              // b b
  d.hessian[8] -= s * run_mean;                  // s b
  d.hessian[9] -= s * (worn + mean_of(kWears));  // s s
  d.hessian[12] += mean_of(kRunFresh);           // ratio b
  d.hessian[13] += s * (1.0 - fresh_mean);       // ratio s
  d.hessian[14] -= mean_of(kFreshWorn);          // ratio ratio
  return d;
}

}  // namespace tenure::clv
