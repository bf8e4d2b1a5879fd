#include "tenure/clv/gamma_gamma.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "tenure/clv/frequency_groups.hpp"
#include "tenure/clv/rising_factorial.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/pages.hpp"

namespace tenure::clv {
namespace {

constexpr int kLanes = 8;
constexpr int kChunk = 256;

/// Rows with x > 0 and m > 0, grouped by frequency, with m in units of the mean of m.
struct SpendSample {
  double customers = 0.0, money_scale = 1.0;
  std::vector<double> x, weight, log_mean;  ///< by frequency: x, sums of w and of w log m
  std::vector<std::int64_t> first;
  Buffer<double> mean;
  Buffer<double> row_weight;  ///< empty where every row counts once
  std::int64_t excluded = 0;
};

SpendSample sample_spend(const ObservedSpend& spend, const Execution& execution) {
  require_valid(spend, execution);
  const std::int64_t rows = spend.rows();
  // Frequency 0 stands for "not used", so that one grouping both selects and sorts.
  Buffer<double> used(rows);
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i)
      used[i] = spend.frequency[i] > 0.0 && spend.mean[i] > 0.0 ? spend.frequency[i] : 0.0;
  });
  SpendSample s;
  s.mean = mapped_buffer<double>(rows, execution);
  if (spend.weight) s.row_weight = mapped_buffer<double>(rows, execution);
  FrequencyGroups groups =
      group_by_frequency(used.span(), 1.0, execution, [&](std::int64_t row, std::int64_t at) {
        s.mean[at] = spend.mean[row];
        if (spend.weight) s.row_weight[at] = (*spend.weight)[row];
      });
  s.excluded = rows - groups.rows();
  if (groups.rows() == 0)
    throw InvalidInput("monetary_value", -1, 0.0,
                       "greater than 0 in at least one row with frequency > 0");
  s.x = std::move(groups.x);
  s.first = std::move(groups.first);

  // Logs, as amounts may be huge: their geometric mean becomes the unit.
  const auto n = s.first.back();
  const auto weight = [&](std::int64_t i) { return s.row_weight.empty() ? 1.0 : s.row_weight[i]; };
  const double total = block_sum(n, execution, weight);
  if (!(total > 0.0)) throw InvalidInput("weight", -1, total, "greater than 0 in at least one row");
  const double logs =
      block_sum(n, execution, [&](std::int64_t i) { return weight(i) * std::log(s.mean[i]); });
  s.money_scale = std::ldexp(1.0, static_cast<int>(std::lround(-logs / total / std::log(2.0))));
  s.weight.assign(s.x.size(), 0.0);
  s.log_mean.assign(s.x.size(), 0.0);
  for_each_task(std::ssize(s.x), execution, [&](std::int64_t g) {
    const auto at = static_cast<std::size_t>(g);
    for (std::int64_t i = s.first[g]; i < s.first[g + 1]; ++i) {
      s.mean[i] *= s.money_scale;
      s.weight[at] += weight(i);
      s.log_mean[at] += weight(i) * std::log(s.mean[i]);
    }
  });
  for (const double w : s.weight) s.customers += w;
  return s;
}

/// What the rows of one frequency add up to, with t = x m / gamma: log(1 + 1/t), t / (1 + t), its
/// complement and the product of the two.
enum Sum { kLog, kShare, kRest, kCurve, kSums };
using Sums = std::array<double, kSums>;

TENURE_CLONES void add_rows(const double* mean, const double* weight, std::int64_t from,
                            std::int64_t to, std::int64_t stride, double gamma_over_x, Sums& sums) {
  double lane[kSums][kLanes] = {};
  alignas(64) double w[kChunk], log_ratio[kChunk], share[kChunk], rest[kChunk];
  for (std::int64_t first = from; first < to; first += kChunk * stride) {
    const int n =
        static_cast<int>(std::min<std::int64_t>(kChunk, (to - first + stride - 1) / stride));
    for (int i = 0; i < n; ++i) rest[i] = mean[first + i * stride];
    for (int i = 0; i < n; ++i) w[i] = weight ? weight[first + i * stride] : 1.0;
    // Rows of weight 0 fill the last lanes.
    const int full = (n + kLanes - 1) / kLanes * kLanes;
    for (int i = n; i < full; ++i) {
      rest[i] = 1.0;
      w[i] = 0.0;
    }
    for (int i = 0; i < full; ++i) {
      double ratio = gamma_over_x / rest[i];
      ratio = ratio < 1e300 ? ratio : 1e300;  // an overflow would become NaN below
      const double u = 1.0 + ratio;
      share[i] = 1.0 / u;
      log_ratio[i] = special::vector_log(u) + (ratio - (u - 1.0)) * share[i];
      rest[i] = ratio * share[i];
    }
    for (int i = 0; i < full; i += kLanes)
      for (int l = 0; l < kLanes; ++l) {
        const double weighted = w[i + l] * share[i + l];
        lane[kLog][l] += w[i + l] * log_ratio[i + l];
        lane[kShare][l] += weighted;
        lane[kRest][l] += w[i + l] * rest[i + l];
        lane[kCurve][l] += weighted * rest[i + l];
      }
  }
  for (int s = 0; s < kSums; ++s)
    for (int l = 0; l < kLanes; ++l) sums[static_cast<std::size_t>(s)] += lane[s][l];
}

enum Coordinate : std::size_t { kP, kQ, kGamma };

/// -p x log(1 + 1/t) - q log(1 + t) of the rows of frequency x, but for the q log t in the latter:
/// the powers of eq. 1a, put together so that nothing cancels where x is large.
Derivatives<3> amounts_part(const GammaGammaParameters& c, double x, const Sums& s) {
  const double px = c.p * x;
  Derivatives<3> d;
  d.value = -(px + c.q) * s[kLog];
  d.gradient = {-px * s[kLog], -c.q * s[kLog], c.q * s[kShare] - px * s[kRest]};
  d.second(kP, kP) = -px * s[kLog];
  d.second(kQ, kQ) = -c.q * s[kLog];
  d.second(kGamma, kP) = -px * s[kRest];
  d.second(kGamma, kQ) = c.q * s[kShare];
  d.second(kGamma, kGamma) = -(px + c.q) * s[kCurve];
  return d;
}

/// Everything that depends on x and log m alone: 1 / (m B(px, q)), and t^-q.
Derivatives<3> frequency_part(const GammaGammaParameters& c, const SpendSample& s) {
  const double log_gamma_q = special::lgamma(c.q);
  const double psi_q = special::digamma(c.q), psi1_q = special::trigamma(c.q);
  Derivatives<3> d;
  for (std::size_t g = 0; g < s.x.size(); ++g) {
    const double px = c.p * s.x[g], w = s.weight[g];
    const double log_t = s.log_mean[g] + w * std::log(s.x[g] / c.gamma);
    const RisingFactorial f = rising_factorial(px, c.q);
    d.value += w * (f.log - log_gamma_q) - s.log_mean[g] - c.q * log_t;
    const double psi1 = special::trigamma(px + c.q);
    const double in_q = w * (special::digamma(px + c.q) - psi_q) - log_t;
    d.gradient[kP] += w * px * f.first;
    d.gradient[kQ] += c.q * in_q;
    d.second(kP, kP) += w * px * (f.first + px * f.second);
    d.second(kQ, kQ) += c.q * (in_q + w * c.q * (psi1 - psi1_q));
    d.second(kQ, kP) += w * px * c.q * psi1;
  }
  return d;
}

Derivatives<3> derivatives(const GammaGammaParameters& c, const SpendSample& s, std::int64_t stride,
                           const Execution& execution) {
  Derivatives<3> total = frequency_part(c, s);
  const auto part = [&](std::int64_t from, std::int64_t to) {
    Derivatives<3> d;
    auto g = static_cast<std::size_t>(std::upper_bound(s.first.begin(), s.first.end(), from) -
                                      s.first.begin() - 1);
    for (; from < to; ++g) {
      const std::int64_t end = std::min(to, s.first[g + 1]);
      Sums sums{};
      add_rows(s.mean.data(), s.row_weight.data(), from, end, stride, c.gamma / s.x[g], sums);
      const auto rows = static_cast<double>(end - from);
      const auto seen = static_cast<double>((end - from + stride - 1) / stride);
      if (stride > 1)
        for (double& v : sums) v *= rows / seen;
      d += amounts_part(c, s.x[g], sums);
      from = end;
    }
    return d;
  };
  total += block_reduce(s.first.back(), execution, Derivatives<3>{}, part);
  return total;
}

}  // namespace

void require_valid(const ObservedSpend& s, const Execution& execution) {
  const std::int64_t rows = s.rows();
  const auto require_length = [rows](const char* argument, std::span<const double> column) {
    if (std::ssize(column) != rows)
      throw InvalidInput(argument, -1, static_cast<double>(column.size()), "as long as frequency");
  };
  require_length("monetary_value", s.mean);
  if (s.weight) require_length("weight", *s.weight);
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const double x = s.frequency[i];
      if (!(x >= 0.0 && x <= 0x1p51 && (x + 0x1p52) - 0x1p52 == x))
        throw InvalidInput("frequency", i, x, "a whole number >= 0");
      if (x > 0.0 && !std::isfinite(s.mean[i]))
        throw InvalidInput("monetary_value", i, s.mean[i], "finite where frequency is > 0");
      if (s.weight && !((*s.weight)[i] >= 0.0 && std::isfinite((*s.weight)[i])))
        throw InvalidInput("weight", i, (*s.weight)[i], "finite and >= 0");
    }
  });
}

void require_valid(const GammaGammaParameters& c) {
  const std::array<std::pair<const char*, double>, 3> all{
      {{"p", c.p}, {"q", c.q}, {"gamma", c.gamma}}};
  for (const auto& [name, value] : all)
    if (!(std::isnormal(value) && value > 0.0))
      throw InvalidInput(name, -1, value, "finite and > 0");
}

Derivatives<3> gamma_gamma_log_likelihood(const GammaGammaParameters& parameters,
                                          const ObservedSpend& spend, const Execution& execution) {
  require_valid(parameters);
  const SpendSample s = sample_spend(spend, execution);
  GammaGammaParameters scaled = parameters;
  scaled.gamma *= s.money_scale;
  Derivatives<3> d = derivatives(scaled, s, 1, execution);
  d.value += s.customers * std::log(s.money_scale);
  return d;
}

namespace {

/// Mean amount, in scaled money.
double mean_amount(const SpendSample& s) {
  double money = 0.0;
  for (std::int64_t i = 0; i < s.mean.size() && i < s.first.back(); ++i)
    money += (s.row_weight.empty() ? 1.0 : s.row_weight[i]) * s.mean[i];
  return money / s.customers;
}

/// Coordinates to begin a search at, in scaled money: gamma such that the population's mean is that
/// of the data, by p gamma / (q - 1).
std::vector<std::vector<double>> starts_of(double money) {
  const auto start = [&](double p, double q) {
    return std::vector{std::log(p), std::log(q), std::log(money * (q - 1.0) / p)};
  };
  return {start(4.0, 3.0), start(1.0, 2.0), start(20.0, 5.0), start(2.0, 20.0)};
}

GammaGammaParameters at_coordinates(std::span<const double> u, double log_unit) {
  return {std::exp(u[kP]), std::exp(u[kQ]), std::exp(u[kGamma] + log_unit)};
}

}  // namespace

PreparedLikelihood prepare_gamma_gamma(const ObservedSpend& spend, const Execution& execution) {
  const auto sample = std::make_shared<const SpendSample>(sample_spend(spend, execution));
  const double unit = std::log(sample->money_scale);
  PreparedLikelihood prepared{.parameters = 3, .customers = sample->customers};
  // Second derivatives come with the first at hardly any cost.
  prepared.at = [=](std::span<const double> u, Order, const Execution& run) {
    Derivatives<3> d = derivatives(at_coordinates(u, unit), *sample, 1, run);
    d.value += sample->customers * unit;
    return d.times(1.0);
  };
  prepared.starts = starts_of(mean_amount(*sample));
  for (auto& start : prepared.starts) start[kGamma] -= unit;
  return prepared;
}

GammaGammaFit fit_gamma_gamma(const ObservedSpend& spend, const FitOptions& options,
                              const Execution& execution) {
  const SpendSample s = sample_spend(spend, execution);
  const auto mean = [&](std::span<const double> u, std::int64_t stride) {
    return derivatives(at_coordinates(u, 0.0), s, stride, execution).times(-1.0 / s.customers);
  };
  const double money = mean_amount(s);
  const ModelScales scales{.parameter = {1.0, 1.0, 1.0 / s.money_scale},
                           .penalty = {1.0, 1.0, 10.0 / money},
                           .log_likelihood_shift = s.customers * std::log(s.money_scale)};
  GammaGammaFit fit{maximise(mean, starts_of(money), scales, s.customers, s.first.back(), options)};
  fit.excluded = s.excluded;
  return fit;
}

Buffer<double> gamma_gamma_expected_spend(const GammaGammaParameters& c, const ObservedSpend& s,
                                          const Execution& execution) {
  require_valid(c);
  require_valid(s, execution);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Buffer<double> out(s.rows());
  for_each_block(s.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const bool seen = s.frequency[i] > 0.0 && s.mean[i] > 0.0;
      const double x = seen ? s.frequency[i] : 0.0;
      const double total = seen ? s.mean[i] * x : 0.0;
      const double shape = c.p * x + c.q - 1.0;
      out[i] = shape > 0.0 ? c.p * (c.gamma + total) / shape : kInfinity;
    }
  });
  return out;
}

}  // namespace tenure::clv
