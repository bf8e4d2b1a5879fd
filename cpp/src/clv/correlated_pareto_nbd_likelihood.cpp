#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "covariate_rows.hpp"
#include "pareto_nbd_starts.hpp"
#include "sarmanov.hpp"
#include "tenure/clv/correlated_pareto_nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

using sarmanov::kParts;

/// Of the Pareto/NBD models that are mixed.
constexpr int kRowHessian = row_hessian(4), kRowTerms = row_terms(4);

/// Coordinates: the logarithms of r, alpha, s, beta and the odds.
enum Coordinate : std::size_t { kR, kAlpha, kS, kBeta, kOdds };

/// Log odds at which m is at its limit, but for 1e-9 of its range.
constexpr double kAtLimit = 20.0;

/// The coordinates on which w depends, in its order.
constexpr std::array<std::size_t, 3> kOfWeight{kR, kS, kOdds};

/// log(alpha (1 + 1/r)) moves with log r: by `first`, and with `second` derivative.
struct Stretch {
  double first, second;
  explicit Stretch(double r) : first(-1.0 / (r + 1.0)), second(r / (r + 1.0) / (r + 1.0)) {}
};

/// All that is the same for every row.
struct Mixture {
  CorrelatedParetoNbdParameters p;
  sarmanov::Weight w;
  Stretch in_r, in_s;
  std::array<ParetoNbdParameters, kParts> part;

  explicit Mixture(const CorrelatedParetoNbdParameters& at)
      : p(at), w(sarmanov::weight(at.r, at.s, at.odds)), in_r(at.r), in_s(at.s) {
    for (int k = 0; k < kParts; ++k) part[static_cast<std::size_t>(k)] = sarmanov::part(at, k);
  }
};

/// `first` and `second` hold derivatives in four logarithms, of which `from` (alpha, or beta) is
/// stretched with `by` (r, or s): makes them derivatives in the coordinates.
void stretch(std::size_t by, std::size_t from, const Stretch& s, double (&first)[4],
             double (&second)[4][4]) {
  second[by][by] += 2.0 * s.first * second[from][by] + s.first * s.first * second[from][from] +
                    s.second * first[from];
  for (std::size_t i = 0; i < 4; ++i) {
    if (i == by) continue;
    second[i][by] += s.first * second[i][from];
    second[by][i] = second[i][by];
  }
  first[by] += s.first * first[from];
}

/// Of one row, from the terms of each part.
Derivatives<5> of_row(const Mixture& mix, const double (*term)[kRowTerms][kRowChunk], int i) {
  double top = -std::numeric_limits<double>::infinity();
  for (int k = 0; k < kParts; ++k) top = std::max(top, term[k][kRowValue][i]);
  double density[kParts], total = 0.0;
  for (int k = 0; k < kParts; ++k) {
    density[k] = std::exp(term[k][kRowValue][i] - top);
    total += mix.w.of_part(k) * density[k];
  }
  // Of each part its share of the likelihood, which may be negative, and of w its slope.
  Derivatives<5> d;
  d.value = top + std::log(total);
  double by_weight = 0.0, slope_by_weight[4] = {};
  for (int k = 0; k < kParts; ++k) {
    const double share = mix.w.of_part(k) * density[k] / total;
    const double of_weight = sarmanov::sign(k) * density[k] / total;
    double first[4], second[4][4];
    for (std::size_t a = 0, t = 0; a < 4; ++a) {
      first[a] = term[k][kRowGradient + a][i];
      for (std::size_t b = 0; b <= a; ++b, ++t)
        second[a][b] = second[b][a] = term[k][kRowHessian + t][i];
    }
    if (sarmanov::stretches_alpha(k)) stretch(kR, kAlpha, mix.in_r, first, second);
    if (sarmanov::stretches_beta(k)) stretch(kS, kBeta, mix.in_s, first, second);
    by_weight += of_weight;
    for (std::size_t a = 0; a < 4; ++a) {
      d.gradient[a] += share * first[a];
      slope_by_weight[a] += of_weight * first[a];
      for (std::size_t b = 0; b <= a; ++b)
        d.second(a, b) += share * (second[a][b] + first[a] * first[b]);
    }
  }
  for (std::size_t a = 0, t = 0; a < 3; ++a) {
    const std::size_t i_a = kOfWeight[a];
    d.gradient[i_a] += by_weight * mix.w.first[a];
    for (std::size_t b = 0; b <= a; ++b, ++t)
      d.second(i_a, kOfWeight[b]) += by_weight * mix.w.second[t];
    for (std::size_t j = 0; j < 4; ++j) {
      const double cross = slope_by_weight[j] * mix.w.first[a];
      d.second(std::max(i_a, j), std::min(i_a, j)) += i_a == j ? 2.0 * cross : cross;
    }
  }
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = 0; b <= a; ++b) d.second(a, b) -= d.gradient[a] * d.gradient[b];
  return d;
}

/// Rows [from, to) in steps of the stride, all of one frequency x.
Derivatives<5> of_run(const Mixture& mix, const PurchaseSample& sample, std::int64_t from,
                      std::int64_t to, std::int64_t stride, double x) {
  static const RowKernel& pareto = pareto_nbd_rows();
  alignas(64) double recency[kRowChunk], age[kRowChunk], parameter[4][kRowChunk];
  alignas(64) double term[kParts][kRowTerms][kRowChunk];
  Derivatives<5> sum;
  for (std::int64_t first = from; first < to; first += kRowChunk * stride) {
    const int n =
        static_cast<int>(std::min<std::int64_t>(kRowChunk, (to - first + stride - 1) / stride));
    const int full = (n + kRowLanes - 1) / kRowLanes * kRowLanes;
    for (int i = 0; i < full; ++i) {
      const RepeatTimes& t = sample.repeat_times[first + std::min(i, n - 1) * stride];
      recency[i] = t.recency;
      age[i] = t.age;
    }
    for (int k = 0; k < kParts; ++k) {
      const ParetoNbdParameters& p = mix.part[static_cast<std::size_t>(k)];
      std::fill_n(parameter[kR], full, p.r);
      std::fill_n(parameter[kAlpha], full, p.alpha);
      std::fill_n(parameter[kS], full, p.s);
      std::fill_n(parameter[kBeta], full, p.beta);
      pareto.terms({n, full, x, recency, age, parameter}, term[k]);
    }
    for (int i = 0; i < n; ++i) {
      Derivatives<5> row = of_row(mix, term, i);
      if (!sample.repeat_weight.empty()) {
        const double w = sample.repeat_weight[first + i * stride];
        row.value *= w;
        for (double& g : row.gradient) g *= w;
        for (double& h : row.hessian) h *= w;
      }
      sum += row;
    }
  }
  return sum;
}

CorrelatedParetoNbdParameters at_coordinates(std::span<const double> u) {
  return {std::exp(u[kR]), std::exp(u[kAlpha]), std::exp(u[kS]), std::exp(u[kBeta]),
          std::exp(u[kOdds])};
}

/// A limit of m has a corner where r = s, at which no step raises the likelihood although it rises
/// with the odds: that is a search that ends at the limit.
void end_at_limit(const MeanLikelihood& mean, const ModelScales& scales, Fit& fit) {
  std::vector<double> u;
  for (std::size_t i = 0; i < 5; ++i)
    u.push_back(std::log(fit.parameters[i]) - std::log(scales.parameter[i]));
  const double here = mean(u, 1).value;
  u[kOdds] = std::copysign(kAtLimit, u[kOdds]);
  const double there = mean(u, 1).value;
  if (!(there < here)) return;
  fit.parameters[kOdds] = std::exp(u[kOdds]);
  fit.log_likelihood = scales.log_likelihood_shift - fit.customers * there;
  fit.status = optim::Status::boundary;
}

}  // namespace

Derivatives<5> correlated_pareto_nbd_derivatives(const CorrelatedParetoNbdParameters& p,
                                                 const PurchaseSample& sample, std::int64_t stride,
                                                 const Execution& execution) {
  const Mixture mix(p);
  const auto of_rows = [&](std::int64_t from, std::int64_t to) {
    Derivatives<5> part;
    sample.each_run(from, to, stride,
                    [&](double x, std::int64_t first, std::int64_t last, double factor) {
                      Derivatives<5> run = of_run(mix, sample, first, last, stride, x);
                      run.value *= factor;
                      for (double& g : run.gradient) g *= factor;
                      for (double& h : run.hessian) h *= factor;
                      part += run;
                    });
    return part;
  };
  return block_reduce(sample.repeat_rows(), execution, Derivatives<5>{}, of_rows, 1024);
}

Derivatives<5> correlated_pareto_nbd_log_likelihood(const CorrelatedParetoNbdParameters& parameters,
                                                    const RepeatPurchases& purchases,
                                                    const Execution& execution) {
  require_valid(parameters);
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  CorrelatedParetoNbdParameters scaled = parameters;
  scaled.alpha *= sample.time_scale;
  scaled.beta *= sample.time_scale;
  Derivatives<5> d = correlated_pareto_nbd_derivatives(scaled, sample, 1, execution);
  d.value += sample.purchases * std::log(sample.time_scale);
  return d;
}

Fit fit_correlated_pareto_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                              const Execution& execution) {
  const PurchaseSample sample = sample_purchases(purchases, SampleRows::everyone, execution);
  const auto mean = [&](std::span<const double> u, std::int64_t stride) {
    return correlated_pareto_nbd_derivatives(at_coordinates(u), sample, stride, execution)
        .times(-1.0 / sample.customers);
  };
  auto starts = pareto_nbd_starts(sample);
  for (auto& start : starts) {
    const auto w = sarmanov::weight(std::exp(start[kR]), std::exp(start[kS]), 1.0);
    start.push_back(std::log(-w.lowest / w.highest));  // m = 0
  }

  double longest = 0.0;
  for (const double t : sample.age.span()) longest = std::max(longest, t);
  const double in_tenths = longest > 0.0 ? 10.0 / longest : 1.0;
  const double back = 1.0 / sample.time_scale;
  const ModelScales scales{.parameter = {1.0, back, 1.0, back, 1.0},
                           .penalty = {1.0, in_tenths, 1.0, in_tenths, 0.0},
                           .log_likelihood_shift = sample.purchases * std::log(sample.time_scale)};
  Fit fit = maximise(mean, starts, scales, sample.customers, sample.repeat_rows(), options);
  if (fit.status == optim::Status::stalled) end_at_limit(mean, scales, fit);
  return fit;
}

}  // namespace tenure::clv
