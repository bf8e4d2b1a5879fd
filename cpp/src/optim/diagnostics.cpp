#include "tenure/optim/diagnostics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tenure/special/normal.hpp"
#include "tenure/support/quantile.hpp"

namespace tenure::optim {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Chains one after the other, `length` draws each.
struct Chains {
  std::vector<double> value;
  std::int64_t length;

  std::int64_t count() const { return std::ssize(value) / length; }
  const double* of(std::int64_t chain) const { return value.data() + chain * length; }
};

Chains split(const ChainDraws& draws) {
  const std::int64_t n = draws.draws(), half = n / 2;
  Chains out{{}, half};
  out.value.reserve(static_cast<std::size_t>(2 * half * draws.chains));
  for (std::int64_t c = 0; c < draws.chains; ++c) {
    const double* const chain = draws.value.data() + c * n;
    out.value.insert(out.value.end(), chain, chain + half);
    out.value.insert(out.value.end(), chain + (n - half), chain + n);
  }
  return out;
}

/// Normal scores of the ranks, ties by their mean rank. [eq. 14]
Chains rank_normalised(const Chains& chains) {
  const std::vector<double>& v = chains.value;
  const auto n = v.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(v[i], i); });
  Chains out{std::vector<double>(n), chains.length};
  for (std::size_t from = 0, to = 0; from < n; from = to) {
    for (to = from; to < n && v[order[to]] == v[order[from]];) ++to;
    const double rank = 0.5 * static_cast<double>(from + 1 + to);
    const double z = special::normal_quantile((rank - 0.375) / (static_cast<double>(n) + 0.25));
    for (std::size_t i = from; i < to; ++i) out.value[order[i]] = z;
  }
  return out;
}

struct Moments {
  double mean, variance;
};

/// Mean, and variance by n - 1.
Moments moments(const double* v, std::int64_t n) {
  double mean = 0.0, squares = 0.0;
  for (std::int64_t i = 0; i < n; ++i) mean += v[i];
  mean /= static_cast<double>(n);
  for (std::int64_t i = 0; i < n; ++i) squares += (v[i] - mean) * (v[i] - mean);
  return {mean, squares / static_cast<double>(n - 1)};
}

/// Variances within and between chains. [eq. 1-3]
struct Spread {
  explicit Spread(const Chains& chains) {
    for (std::int64_t c = 0; c < chains.count(); ++c) {
      const Moments m = moments(chains.of(c), chains.length);
      means.push_back(m.mean);
      within += m.variance / static_cast<double>(chains.count());
    }
    const auto n = static_cast<double>(chains.length);
    total = within * (n - 1.0) / n;
    if (means.size() > 1) total += moments(means.data(), std::ssize(means)).variance;
  }

  std::vector<double> means;
  double within = 0.0, total;
};

/// [eq. 4]
double rhat(const Chains& chains) {
  const Spread spread(chains);
  return std::sqrt(spread.total / spread.within);
}

/// By Geyer's initial monotone sequence of autocorrelations over all chains. [eq. 10-13]
double effective_size(const Chains& chains) {
  const Spread spread(chains);
  if (!(spread.total > 0.0)) return kNaN;
  const std::int64_t n = chains.length;
  const auto correlation = [&](std::int64_t lag) {
    double sum = 0.0;
    for (std::int64_t c = 0; c < chains.count(); ++c) {
      const double* const v = chains.of(c);
      const double mean = spread.means[static_cast<std::size_t>(c)];
      for (std::int64_t i = 0; i + lag < n; ++i) sum += (v[i] - mean) * (v[i + lag] - mean);
    }
    const double covariance = sum / static_cast<double>(n * chains.count());
    return 1.0 - (spread.within - covariance) / spread.total;
  };

  // Sums of two neighbouring lags stay above 0 in theory, and fall.
  double even = 1.0, odd = correlation(1);
  double sum = 0.0, least = even + odd;
  for (std::int64_t lag = 2; lag < n - 2 && even + odd > 0.0; lag += 2) {
    least = std::min(least, even + odd);
    sum += least;
    even = correlation(lag);
    odd = correlation(lag + 1);
  }
  const double size = static_cast<double>(std::ssize(chains.value));
  // Of the pair that ends the sequence, an even lag above 0 still counts once. Antithetic chains
  // may be better than independent draws, within reason.
  const double time = std::max(-1.0 + 2.0 * sum + std::max(even, 0.0), 1.0 / std::log10(size));
  return size / time;
}

/// 1 where a value is at most the quantile: how well that quantile is known.
double effective_size_of_quantile(const Chains& chains, std::span<const double> sorted, double p) {
  const double cut = sorted_quantile(sorted, p);
  Chains below{chains.value, chains.length};
  for (double& v : below.value) v = v <= cut ? 1.0 : 0.0;
  return effective_size(below);
}

}  // namespace

Diagnostics diagnose(const ChainDraws& draws) {
  Diagnostics out{kNaN, kNaN, kNaN, kNaN, kNaN};
  if (draws.draws() < 4) return out;
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!std::ranges::all_of(draws.value, finite)) return out;
  const auto [least, most] = std::ranges::minmax(draws.value);
  if (least == most) return out;

  const Chains halves = split(draws);
  std::vector<double> sorted(draws.value.begin(), draws.value.end());
  std::ranges::sort(sorted);

  const Chains scores = rank_normalised(halves);
  Chains folded{halves.value, halves.length};
  std::vector<double> kept = halves.value;
  const double median = selected_quantile(kept, 0.5);
  for (double& v : folded.value) v = std::abs(v - median);
  out.rhat = std::max(rhat(scores), rhat(rank_normalised(folded)));
  out.ess_bulk = effective_size(scores);
  out.ess_tail = std::min(effective_size_of_quantile(halves, sorted, 0.05),
                          effective_size_of_quantile(halves, sorted, 0.95));
  out.ess_mean = effective_size(halves);
  out.mcse = std::sqrt(moments(sorted.data(), std::ssize(sorted)).variance / out.ess_mean);
  return out;
}

double energy_fraction(std::span<const double> energy) {
  const std::int64_t n = std::ssize(energy);
  if (n < 4) return kNaN;
  double steps = 0.0;
  for (std::size_t i = 1; i < energy.size(); ++i)
    steps += (energy[i] - energy[i - 1]) * (energy[i] - energy[i - 1]);
  return steps / (moments(energy.data(), n).variance * static_cast<double>(n - 1));
}

}  // namespace tenure::optim
