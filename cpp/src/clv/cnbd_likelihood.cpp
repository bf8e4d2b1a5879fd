#include <algorithm>
#include <array>
#include <cmath>

#include "bg_nbd_family.hpp"
#include "cnbd_phases.hpp"
#include "tenure/clv/cnbd.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr int kLanes = 8;  // the order of summation is fixed, whatever the width of the vectors
constexpr int kChunk = 64;

/// Derivatives of a row in m = r + k x, log alpha and c, the log of a/(b + x - 1).
enum Sum { kValue, kM, kA1, kC, kMM, kMA, kAA, kMC, kAC, kCC, kSums };
using Sums = std::array<double, kSums>;

/// Sum of a[i] * b[i], n a multiple of kLanes.
[[gnu::always_inline]] inline double dot(const double* a, const double* b, int n) {
  double lane[kLanes] = {};
  for (int i = 0; i < n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lane[l] += a[i + l] * b[i + l];
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

[[gnu::always_inline]] inline double log1p_of(double ratio) {
  const double u = 1.0 + ratio;
  return special::vector_log(u) + (ratio - (u - 1.0)) / u;
}

/// Rows [from, to) in steps of `stride`, all of one frequency: log(S + exp(c + m D)) - m log(1 +
/// T/alpha), where D = log((alpha + T)/(alpha + t_x)) and S adds up the phases of `Phases`.
TENURE_CLONES void add_rows(const RepeatTimes* times, const double* weight, std::int64_t from,
                            std::int64_t to, std::int64_t stride, double alpha, double log_odds,
                            const Phases& phases, Sums& sums) {
  alignas(64) double w[kChunk], silent[kChunk], before[kChunk], age[kChunk], sum[kChunk];
  alignas(64) double c[kLargestShape][kChunk];
  alignas(64) double mean_j[kChunk], mean_h[kChunk], mean_g[kChunk];
  alignas(64) double jj[kChunk], jh[kChunk], hh[kChunk];
  alignas(64) double term[kSums][kChunk];
  const double m = phases.m;
  for (std::int64_t first = from; first < to; first += kChunk * stride) {
    const int n =
        static_cast<int>(std::min<std::int64_t>(kChunk, (to - first + stride - 1) / stride));
    for (int i = 0; i < n; ++i) {
      before[i] = times[first + i * stride].recency;
      age[i] = times[first + i * stride].age;
      w[i] = weight ? weight[first + i * stride] : 1.0;
    }
    // Rows of weight 0 fill the last lanes.
    const int full = (n + kLanes - 1) / kLanes * kLanes;
    for (int i = n; i < full; ++i) w[i] = before[i] = age[i] = 0.0;

    for (int i = 0; i < full; ++i) {
      silent[i] = (age[i] - before[i]) / (alpha + age[i]);
      c[0][i] = sum[i] = 1.0;
      mean_j[i] = mean_h[i] = mean_g[i] = jj[i] = jh[i] = hh[i] = 0.0;
    }
    for (int j = 1; j < phases.k; ++j)
      for (int i = 0; i < full; ++i) {
        c[j][i] = c[j - 1][i] * (silent[i] * phases.step[j]);
        sum[i] += c[j][i];
        mean_j[i] += j * c[j][i];
        mean_h[i] += phases.first[j] * c[j][i];
        mean_g[i] += phases.second[j] * c[j][i];
      }
    for (int i = 0; i < full; ++i) {
      const double inverse = 1.0 / sum[i];
      mean_j[i] *= inverse;
      mean_h[i] *= inverse;
      mean_g[i] *= inverse;
    }
    // About the means: differences of second moments would cancel.
    for (int j = 0; j < phases.k; ++j)
      for (int i = 0; i < full; ++i) {
        const double share = c[j][i] / sum[i];
        const double dj = j - mean_j[i], dh = phases.first[j] - mean_h[i];
        jj[i] += share * dj * dj;
        jh[i] += share * dj * dh;
        hh[i] += share * dh * dh;
      }

    for (int i = 0; i < full; ++i) {
      const double since = 1.0 / (alpha + before[i]);
      const double ratio = (age[i] - before[i]) * since;
      const double d = log1p_of(ratio);
      const double at_last = alpha * since;
      const double e = -at_last * ratio / (1.0 + ratio);
      const double f = 1.0 - at_last / (1.0 + ratio) - at_last;
      const double old = 1.0 / (alpha + age[i]);
      const double young = alpha * old, rest = age[i] * old;
      const double log_age = log1p_of(age[i] / alpha);

      const double log_sum = special::vector_log(sum[i]);
      const double sa = -young * mean_j[i];
      const double smm = hh[i] - mean_g[i];
      const double sma = -young * jh[i];
      const double saa = young * (young * jj[i] - rest * mean_j[i]);

      const double delta = log_odds + m * d - log_sum;
      const double size = std::abs(delta);
      const double small = special::vector_exp(-size);
      const double inverse = 1.0 / (1.0 + small);
      const double less = small * inverse;
      const double q = delta > 0.0 ? inverse : less;
      const double p = delta > 0.0 ? less : inverse;
      const double v = less * inverse;
      const double xm = d - mean_h[i], xa = m * e - sa;
      term[kValue][i] = log_sum + (0.5 * (delta + size) + log1p_of(small)) - m * log_age;
      term[kM][i] = p * mean_h[i] + q * d - log_age;
      term[kA1][i] = p * sa + q * (m * e) + m * rest;
      term[kC][i] = q;
      term[kMM][i] = p * smm + v * xm * xm;
      term[kMA][i] = p * sma + q * e + v * xm * xa + rest;
      term[kAA][i] = p * saa + q * (m * e * f) + v * xa * xa - m * rest * young;
      term[kMC][i] = v * xm;
      term[kAC][i] = v * xa;
      term[kCC][i] = v;
    }
    for (int s = 0; s < kSums; ++s) sums[static_cast<std::size_t>(s)] += dot(w, term[s], full);
  }
}

enum Coordinate : std::size_t { kR, kAlpha, kA, kB };

/// The gamma functions: all that depends on x alone.
Derivatives<4> frequency_part(const BgNbdParameters& p, const PurchaseSample& sample, double k) {
  std::vector<double> ticks;
  for (const double x : sample.x) ticks.push_back(k * x);
  const auto in_r = rising_factorials(p.r, ticks);
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
  // log(alpha + T) = log alpha + log(1 + T/alpha), of which the rows have the second.
  d.value -= k * sample.purchases * std::log(p.alpha);
  d.gradient[kAlpha] -= k * sample.purchases;
  return d;
}

/// Of the rows of one frequency, from their sums; beta = d c / d log b, with the sign changed.
Derivatives<4> rows_part(double r, double beta, const Sums& s) {
  Derivatives<4> d;
  d.value = s[kValue];
  d.gradient = {r * s[kM], s[kA1], s[kC], -beta * s[kC]};
  d.second(kR, kR) = r * (s[kM] + r * s[kMM]);
  d.second(kAlpha, kR) = r * s[kMA];
  d.second(kAlpha, kAlpha) = s[kAA];
  d.second(kA, kR) = r * s[kMC];
  d.second(kA, kAlpha) = s[kAC];
  d.second(kA, kA) = s[kCC];
  d.second(kB, kR) = -beta * r * s[kMC];
  d.second(kB, kAlpha) = -beta * s[kAC];
  d.second(kB, kA) = -beta * s[kCC];
  d.second(kB, kB) = beta * (beta * s[kCC] - (1.0 - beta) * s[kC]);
  return d;
}

/// Of customers for whom x > `sure` has been a chance to leave.
Derivatives<4> outlived_derivatives(const BgNbdParameters& p, int k, double sure,
                                    const PurchaseSample& sample, std::int64_t stride,
                                    const Execution& execution) {
  Derivatives<4> total = frequency_part(p, sample, k);
  const auto rows = [&](std::int64_t from, std::int64_t to) {
    Derivatives<4> part;
    sample.each_run(from, to, stride,
                    [&](double x, std::int64_t first, std::int64_t last, double factor) {
                      const bool may = x > sure;
                      const double chances = p.b + (x - 1.0);
                      Sums sums{};
                      add_rows(sample.repeat_times.data(), sample.repeat_weight.data(), first, last,
                               stride, p.alpha, may ? std::log(p.a) - std::log(chances) : kNever,
                               Phases(k, p.r + k * x), sums);
                      for (double& s : sums) s *= factor;
                      part += rows_part(p.r, may ? p.b / chances : 0.0, sums);
                    });
    return part;
  };
  total += block_reduce(sample.repeat_rows(), execution, Derivatives<4>{}, rows);
  return total;
}

Derivatives<4> derivatives(const CnbdModel& model, const BgNbdParameters& p,
                           const PurchaseSample& sample, std::int64_t stride,
                           const Execution& execution) {
  if (model.who == OneTimeBuyers::stay)
    return outlived_derivatives(p, model.shape, 0.0, sample, stride, execution);
  const BgNbdParameters outlived{p.r, p.alpha, p.a, p.b + 1.0};
  return with_first_chance(
      outlived_derivatives(outlived, model.shape, -1.0, sample, stride, execution), p,
      sample.customers);
}

/// Sum of weight * log_gaps.
double total_log_gaps(const RepeatPurchases& purchases,
                      const std::optional<std::span<const double>>& log_gaps,
                      const Execution& execution) {
  if (!log_gaps) return 0.0;
  const auto& gaps = *log_gaps;
  if (std::ssize(gaps) != purchases.rows())
    throw InvalidInput("log_gaps", -1, static_cast<double>(gaps.size()),
                       "as long as the other columns");
  return block_sum(purchases.rows(), execution, [&](std::int64_t i) {
    if (!std::isfinite(gaps[i])) throw InvalidInput("log_gaps", i, gaps[i], "finite");
    if (purchases.frequency[i] == 0.0 && gaps[i] != 0.0)
      throw InvalidInput("log_gaps", i, gaps[i], "0 where frequency is 0");
    return (purchases.weight ? (*purchases.weight)[i] : 1.0) * gaps[i];
  });
}

void require_gaps(int shape, const std::optional<std::span<const double>>& log_gaps) {
  if (shape > 1 && !log_gaps) throw InvalidInput("log_gaps", -1, shape, "given, unless k is 1");
}

/// What does not depend on the parameters: the scale of time, and the times between purchases.
double constant_part(int k, const PurchaseSample& sample, double log_gaps) {
  return k * sample.purchases * std::log(sample.time_scale) + (k - 1.0) * log_gaps -
         sample.purchases * special::lgamma(k);
}

}  // namespace

Phases::Phases(int shape, double of) : k(shape), m(of) {
  for (int j = 1; j < k; ++j) {
    const double inverse = 1.0 / (m + (j - 1.0));
    step[j] = (m + (j - 1.0)) / j;
    first[j] = first[j - 1] + inverse;
    second[j] = second[j - 1] + inverse * inverse;
  }
}

void require_valid(const CnbdModel& model) {
  if (model.shape < 1 || model.shape > kLargestShape)
    throw InvalidInput("k", -1, model.shape, "a whole number from 1 to 12");
}

Derivatives<4> cnbd_log_likelihood(const CnbdModel& model, const BgNbdParameters& parameters,
                                   const RepeatPurchases& purchases,
                                   std::optional<std::span<const double>> log_gaps,
                                   const Execution& execution) {
  require_valid(model);
  require_valid(parameters);
  require_gaps(model.shape, log_gaps);
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  BgNbdParameters scaled = parameters;
  scaled.alpha *= sample.time_scale;
  Derivatives<4> d = derivatives(model, scaled, sample, 1, execution);
  d.value += constant_part(model.shape, sample, total_log_gaps(purchases, log_gaps, execution));
  return d;
}

CnbdFit fit_cnbd(OneTimeBuyers who, std::optional<int> shape, const RepeatPurchases& purchases,
                 std::optional<std::span<const double>> log_gaps, const FitOptions& options,
                 const Execution& execution) {
  if (shape) require_valid(CnbdModel{*shape, who});
  require_gaps(shape.value_or(kLargestShape), log_gaps);
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  const double gaps = total_log_gaps(purchases, log_gaps, execution);
  CnbdFit best;
  int falls = 0;
  for (int k = shape.value_or(1); k <= shape.value_or(kLargestShape) && falls < 2; ++k) {
    const auto at = [&](const BgNbdParameters& p, std::int64_t stride) {
      return derivatives({k, who}, p, sample, stride, execution);
    };
    Fit fit = fit_family(at, sample, k, constant_part(k, sample, gaps), options);
    const double told = fit.log_likelihood;
    falls = !best.log_likelihoods.empty() && told < best.log_likelihoods.back() ? falls + 1 : 0;
    if (best.log_likelihoods.empty() || told > best.fit.log_likelihood) {
      best.fit = std::move(fit);
      best.shape = k;
    }
    best.log_likelihoods.push_back(told);
  }
  return best;
}

}  // namespace tenure::clv
