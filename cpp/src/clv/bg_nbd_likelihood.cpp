#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "bg_nbd_family.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr int kLanes = 8;  // the order of summation is fixed, whatever the width of the vectors
constexpr int kChunk = 256;

/// What the rows of one frequency x > 0 add up to. With delta = log a - log(b + x - 1)
/// + (r + x) log((alpha + T)/(alpha + t_x)), the log odds of having left: q = sigmoid(delta),
/// D = d delta/d(r + x), E = D's derivative in log alpha, F = E's derivative over E.
enum Sum { kSoftplus, kQ, kQD, kQE, kQEF, kV, kVD, kVE, kVDD, kVDE, kVEE, kSums };
using Sums = std::array<double, kSums>;

/// Sum of a[i] * b[i], n a multiple of kLanes.
[[gnu::always_inline]] inline double dot(const double* a, const double* b, int n) {
  double lane[kLanes] = {};
  for (int i = 0; i < n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lane[l] += a[i + l] * b[i + l];
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

/// Rows [from, to) in steps of `stride`, all of one frequency; log_odds is delta at D = 0.
TENURE_CLONES void add_rows(const RepeatTimes* times, const double* weight, std::int64_t from,
                            std::int64_t to, std::int64_t stride, double alpha, double log_odds,
                            double r_plus_x, Sums& sums) {
  alignas(64) double one[kChunk], w[kChunk], d[kChunk], e[kChunk], f[kChunk];
  alignas(64) double soft[kChunk], q[kChunk], qe[kChunk], v[kChunk], vd[kChunk], ve[kChunk];
  for (double& u : one) u = 1.0;
  for (std::int64_t first = from; first < to; first += kChunk * stride) {
    const int n =
        static_cast<int>(std::min<std::int64_t>(kChunk, (to - first + stride - 1) / stride));
    for (int i = 0; i < n; ++i) {
      f[i] = times[first + i * stride].recency;
      d[i] = times[first + i * stride].age;
    }
    for (int i = 0; i < n; ++i) w[i] = weight ? weight[first + i * stride] : 1.0;
    // Rows of weight 0 fill the last lanes.
    const int full = (n + kLanes - 1) / kLanes * kLanes;
    for (int i = n; i < full; ++i) w[i] = d[i] = f[i] = 0.0;
    for (int i = 0; i < full; ++i) {
      const double since = 1.0 / (alpha + f[i]);
      const double ratio = (d[i] - f[i]) * since;
      const double u = 1.0 + ratio;
      const double inverse = 1.0 / u;
      const double at_last = alpha * since;
      d[i] = special::vector_log(u) + (ratio - (u - 1.0)) * inverse;
      e[i] = -at_last * ratio * inverse;
      f[i] = 1.0 - at_last * inverse - at_last;
    }
    for (int i = 0; i < full; ++i) {
      const double delta = log_odds + r_plus_x * d[i];
      const double size = std::abs(delta);
      const double small = special::vector_exp(-size);
      const double u = 1.0 + small;
      const double inverse = 1.0 / u;
      soft[i] = 0.5 * (delta + size) + special::vector_log(u) + (small - (u - 1.0)) * inverse;
      q[i] = w[i] * (delta > 0.0 ? inverse : small * inverse);
      v[i] = w[i] * (small * inverse * inverse);
      qe[i] = q[i] * e[i];
      vd[i] = v[i] * d[i];
      ve[i] = v[i] * e[i];
    }
    sums[kSoftplus] += dot(w, soft, full);
    sums[kQ] += dot(q, one, full);
    sums[kQD] += dot(q, d, full);
    sums[kQE] += dot(qe, one, full);
    sums[kQEF] += dot(qe, f, full);
    sums[kV] += dot(v, one, full);
    sums[kVD] += dot(vd, one, full);
    sums[kVE] += dot(ve, one, full);
    sums[kVDD] += dot(vd, d, full);
    sums[kVDE] += dot(vd, e, full);
    sums[kVEE] += dot(ve, e, full);
  }
}

enum AgeSum { kLog, kLogX, kRest, kRestX, kCurve, kCurveX, kAgeSums };
using AgeSums = std::array<double, kAgeSums>;

/// Sums over T of weight and weight * x times log(1 + T/alpha), T/(alpha + T) and the product of
/// the latter with alpha/(alpha + T).
TENURE_CLONES void add_ages(const double* age, const double* weight, const double* purchases,
                            std::int64_t from, std::int64_t to, double alpha, AgeSums& sums) {
  alignas(64) double log_ratio[kChunk], rest[kChunk], curve[kChunk], w[kChunk], x[kChunk];
  const double rate = 1.0 / alpha;
  for (std::int64_t first = from; first < to; first += kChunk) {
    const int n = static_cast<int>(std::min<std::int64_t>(kChunk, to - first));
    for (int i = 0; i < n; ++i) {
      const double ratio = age[first + i] * rate;
      const double u = 1.0 + ratio;
      const double inverse = 1.0 / u;
      log_ratio[i] = special::vector_log(u) + (ratio - (u - 1.0)) * inverse;
      rest[i] = ratio * inverse;
      curve[i] = rest[i] * inverse;
      w[i] = weight[first + i];
      x[i] = purchases[first + i];
    }
    const int full = (n + kLanes - 1) / kLanes * kLanes;
    for (int i = n; i < full; ++i) log_ratio[i] = rest[i] = curve[i] = w[i] = x[i] = 0.0;
    sums[kLog] += dot(w, log_ratio, full);
    sums[kLogX] += dot(x, log_ratio, full);
    sums[kRest] += dot(w, rest, full);
    sums[kRestX] += dot(x, rest, full);
    sums[kCurve] += dot(w, curve, full);
    sums[kCurveX] += dot(x, curve, full);
  }
}

enum Coordinate : std::size_t { kR, kAlpha, kA, kB };

/// (r + x) log(alpha + T) with its sign, and r log alpha: all that depends on T alone.
Derivatives<4> age_part(const BgNbdParameters& p, const AgeSums& s) {
  Derivatives<4> d;
  d.value = -p.r * s[kLog] - s[kLogX];
  d.gradient[kR] = d.second(kR, kR) = -p.r * s[kLog];
  d.gradient[kAlpha] = p.r * s[kRest] + s[kRestX];
  d.second(kAlpha, kR) = p.r * s[kRest];
  d.second(kAlpha, kAlpha) = -p.r * s[kCurve] - s[kCurveX];
  return d;
}

/// The gamma functions: all that depends on x alone.
Derivatives<4> frequency_part(const BgNbdParameters& p, const PurchaseSample& sample) {
  const auto in_r = rising_factorials(p.r, sample.x);
  const auto in_b = rising_factorials(p.b, sample.x);
  const auto in_ab = rising_factorials(p.a + p.b, sample.x);
  Derivatives<4> d;
  for (std::size_t g = 0; g < sample.x.size(); ++g) {
    const double w = sample.x_weight[g];
    const RisingFactorial &r = in_r[g], &b = in_b[g], &ab = in_ab[g];
    d.value += w * (r.log + (b.log - ab.log));
    d.gradient[kR] += w * p.r * r.first;
    d.second(kR, kR) += w * p.r * (r.first + p.r * r.second);
    d.gradient[kA] -= w * p.a * ab.first;
    d.second(kA, kA) -= w * p.a * (ab.first + p.a * ab.second);
    d.second(kB, kA) -= w * p.a * p.b * ab.second;
    d.gradient[kB] += w * p.b * (b.first - ab.first);
    d.second(kB, kB) += w * p.b * (b.first - ab.first + p.b * (b.second - ab.second));
  }
  // log(alpha + T) = log alpha + log(1 + T/alpha), of which `age_part` has the second.
  d.value -= sample.purchases * std::log(p.alpha);
  d.gradient[kAlpha] -= sample.purchases;
  return d;
}

/// log(1 + exp(delta)) of the rows of frequency x, from their sums.
Derivatives<4> left_part(const BgNbdParameters& p, double x, const Sums& s) {
  const double m = p.r + x;
  const double beta = p.b / (p.b + (x - 1.0));
  Derivatives<4> d;
  d.value = s[kSoftplus];
  d.gradient = {p.r * s[kQD], m * s[kQE], s[kQ], -beta * s[kQ]};
  d.second(kR, kR) = p.r * (s[kQD] + p.r * s[kVDD]);
  d.second(kAlpha, kR) = p.r * (s[kQE] + m * s[kVDE]);
  d.second(kAlpha, kAlpha) = m * (s[kQEF] + m * s[kVEE]);
  d.second(kA, kR) = p.r * s[kVD];
  d.second(kA, kAlpha) = m * s[kVE];
  d.second(kA, kA) = s[kV];
  d.second(kB, kR) = -beta * p.r * s[kVD];
  d.second(kB, kAlpha) = -beta * m * s[kVE];
  d.second(kB, kA) = -beta * s[kV];
  d.second(kB, kB) = beta * (beta * s[kV] - (1.0 - beta) * s[kQ]);
  return d;
}

SampleRows rows_of(OneTimeBuyers who) {
  return who == OneTimeBuyers::stay ? SampleRows::repeat_buyers : SampleRows::everyone;
}

Derivatives<4> derivatives(const BgNbdParameters& p, OneTimeBuyers who,
                           const PurchaseSample& sample, std::int64_t stride,
                           const Execution& execution) {
  if (who == OneTimeBuyers::stay) return bg_nbd_derivatives(p, sample, stride, execution);
  const BgNbdParameters outlived{p.r, p.alpha, p.a, p.b + 1.0};
  return with_first_chance(bg_nbd_derivatives(outlived, sample, stride, execution), p,
                           sample.customers);
}

}  // namespace

Derivatives<4> with_first_chance(Derivatives<4> d, const BgNbdParameters& p, double n) {
  const double share = p.b / (p.b + 1.0);  // d log(b + 1) / d log b
  d.second(kB, kB) = share * (share * d.second(kB, kB) + (1.0 - share) * d.gradient[kB]);
  for (const std::size_t other : {kR, kAlpha, kA}) d.second(kB, other) *= share;
  d.gradient[kB] *= share;

  const double leave = p.a / (p.a + p.b), stay = p.b / (p.a + p.b);
  d.value += n * std::log(stay);
  d.gradient[kA] -= n * leave;
  d.gradient[kB] += n * leave;
  d.second(kA, kA) -= n * leave * stay;
  d.second(kB, kA) += n * leave * stay;
  d.second(kB, kB) -= n * leave * stay;
  return d;
}

void require_valid(const BgNbdParameters& p) {
  const std::array<std::pair<const char*, double>, 4> all{
      {{"r", p.r}, {"alpha", p.alpha}, {"a", p.a}, {"b", p.b}}};
  for (const auto& [name, value] : all)
    if (!(std::isnormal(value) && value > 0.0))
      throw InvalidInput(name, -1, value, "finite and > 0");
}

Derivatives<4> bg_nbd_derivatives(const BgNbdParameters& p, const PurchaseSample& sample,
                                  std::int64_t stride, const Execution& execution) {
  Derivatives<4> total = frequency_part(p, sample);

  const auto age_sums = [&](std::int64_t from, std::int64_t to) {
    AgeSums sums{};
    add_ages(sample.age.data(), sample.age_weight.data(), sample.age_purchases.data(), from, to,
             p.alpha, sums);
    return age_part(p, sums);
  };
  total += block_reduce(sample.age.size(), execution, Derivatives<4>{}, age_sums);

  const auto left_sums = [&](std::int64_t from, std::int64_t to) {
    Derivatives<4> part;
    const auto add = [&](double x, std::int64_t first, std::int64_t last, double factor) {
      const double log_odds = std::log(p.a) - std::log(p.b + (x - 1.0));
      Sums sums{};
      add_rows(sample.repeat_times.data(), sample.repeat_weight.data(), first, last, stride,
               p.alpha, log_odds, p.r + x, sums);
      for (double& s : sums) s *= factor;
      part += left_part(p, x, sums);
    };
    sample.each_run(from, to, stride, add);
    return part;
  };
  total += block_reduce(sample.repeat_rows(), execution, Derivatives<4>{}, left_sums);
  return total;
}

Derivatives<4> log_likelihood(const BgNbdParameters& parameters, OneTimeBuyers who,
                              const RepeatPurchases& purchases, const Execution& execution) {
  require_valid(parameters);
  const PurchaseSample sample = sample_purchases(purchases, rows_of(who), execution);
  BgNbdParameters scaled = parameters;
  scaled.alpha *= sample.time_scale;
  Derivatives<4> d = derivatives(scaled, who, sample, 1, execution);
  d.value += sample.purchases * std::log(sample.time_scale);
  return d;
}

Derivatives<4> bg_nbd_log_likelihood(const BgNbdParameters& parameters,
                                     const RepeatPurchases& purchases, const Execution& execution) {
  return log_likelihood(parameters, OneTimeBuyers::stay, purchases, execution);
}

Fit fit_bg_nbd(const RepeatPurchases& purchases, const FitOptions& options,
               const Execution& execution) {
  return fit(OneTimeBuyers::stay, purchases, options, execution);
}

namespace {

/// Coordinates to begin a search at, in scaled time; a purchase takes `ticks` events of the
/// process.
std::vector<std::vector<double>> starts_of(const PurchaseSample& sample, double ticks) {
  // alpha such that customers who never leave would buy somewhat more than was seen.
  const auto start = [&](double r, double a, double b) {
    const double rate =
        1.5 * ticks * std::max(sample.purchases, 1e-3 * sample.customers) / sample.customers;
    const double age = sample.mean_age > 0.0 ? sample.mean_age : 1.0;
    return std::vector{std::log(r), std::log(r * age / rate), std::log(a), std::log(b)};
  };
  return {start(0.5, 1.0, 3.0), start(2.0, 1.0, 10.0), start(0.2, 0.3, 0.5), start(1.0, 5.0, 5.0)};
}

BgNbdParameters at_coordinates(std::span<const double> u, double log_alpha_unit) {
  return {std::exp(u[kR]), std::exp(u[kAlpha] + log_alpha_unit), std::exp(u[kA]), std::exp(u[kB])};
}

}  // namespace

PreparedLikelihood prepare_bg_nbd(const RepeatPurchases& purchases, const Execution& execution) {
  return prepare(OneTimeBuyers::stay, purchases, execution);
}

PreparedLikelihood prepare(OneTimeBuyers who, const RepeatPurchases& purchases,
                           const Execution& execution) {
  const auto sample =
      std::make_shared<const PurchaseSample>(sample_purchases(purchases, rows_of(who), execution));
  const double unit = std::log(sample->time_scale);
  PreparedLikelihood prepared{.parameters = 4, .customers = sample->customers};
  // Second derivatives come with the first at hardly any cost.
  prepared.at = [=](std::span<const double> u, Order, const Execution& run) {
    Derivatives<4> d = derivatives(at_coordinates(u, unit), who, *sample, 1, run);
    d.value += sample->purchases * unit;
    return d.times(1.0);
  };
  prepared.starts = starts_of(*sample, 1.0);
  for (auto& start : prepared.starts) start[kAlpha] -= unit;
  return prepared;
}

Fit fit(OneTimeBuyers who, const RepeatPurchases& purchases, const FitOptions& options,
        const Execution& execution) {
  const PurchaseSample sample = sample_purchases(purchases, rows_of(who), execution);
  const auto at = [&](const BgNbdParameters& p, std::int64_t stride) {
    return derivatives(p, who, sample, stride, execution);
  };
  return fit_family(at, sample, 1.0, sample.purchases * std::log(sample.time_scale), options);
}

Fit fit_family(const FamilyDerivatives& derivatives, const PurchaseSample& sample, double ticks,
               double constant, const FitOptions& options) {
  const auto mean = [&](std::span<const double> u, std::int64_t stride) {
    return derivatives(at_coordinates(u, 0.0), stride).times(-1.0 / sample.customers);
  };
  double longest = 0.0;
  for (const double t : sample.age.span()) longest = std::max(longest, t);
  const double alpha_in_tenths = longest > 0.0 ? 10.0 / longest : 1.0;
  const ModelScales scales{.parameter = {1.0, 1.0 / sample.time_scale, 1.0, 1.0},
                           .penalty = {1.0, alpha_in_tenths, 1.0, 1.0},
                           .log_likelihood_shift = constant};
  return maximise(mean, starts_of(sample, ticks), scales, sample.customers, sample.repeat_rows(),
                  options);
}

}  // namespace tenure::clv
