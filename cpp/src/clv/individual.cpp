#include "tenure/clv/individual.hpp"

#include <algorithm>
#include <cmath>

#include "counts.hpp"
#include "individual_draws.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

constexpr double kMostPurchases = 1e15;  // beyond, a rate is absurd

/// A gamma variable of shape k and rate 1, given that it exceeds z >= 0.
double standard_gamma_beyond(double k, double z, RandomStream& random) {
  if (k < 1.0 && z < 1.0) {
    // v^(k-1) up to 1 and e^-v from there on cover the density; at least every third is taken.
    const double below = -std::expm1(k * std::log(z));  // 1 - z^k
    const double chance = below / (below + k * std::exp(-1.0));
    for (;;) {
      const bool first = random.uniform() < chance;
      const double v =
          first ? std::exp(std::log1p(-random.uniform() * below) / k) : 1.0 + random.exponential();
      const double log_ratio = first ? -v : (k - 1.0) * std::log(v);
      if (std::log(random.uniform()) < log_ratio) return v;
    }
  }
  if (k >= 1.0 && z <= k) {
    // Beyond its mean lies more than a third.
    for (;;)
      if (const double v = random.gamma(k); v > z) return v;
  }
  if (k <= 1.0) {
    for (;;) {
      const double v = z + random.exponential();
      if (std::log(random.uniform()) < (k - 1.0) * std::log(v / z)) return v;
    }
  }
  // An exponential tail of the best rate. [Philippe 1997, Statistics and Computing 7:173-181]
  const double away = z - k;
  const double rate = (away + std::sqrt(away * away + 4.0 * z)) / (2.0 * z);
  const double highest = (k - 1.0) / (1.0 - rate);
  for (;;) {
    const double v = z + random.exponential() / rate;
    const double log_ratio = (k - 1.0) * std::log(v / highest) - (1.0 - rate) * (v - highest);
    if (!(std::log(random.uniform()) >= log_ratio)) return v;
  }
}

/// The time of the purchase after one that was `silence` ago.
double next_gap(double k, double rate, double silence, RandomStream& random) {
  if (k == 1.0) return silence + random.exponential() / rate;
  return std::max(silence, standard_gamma_beyond(k, rate * silence, random) / rate);
}

/// How many gamma gaps, one after the other, end within `left`. Many at a time: their sum is gamma
/// too, and given the sum of m the sum of the first h is beta, so that a block which is too long is
/// halved until one gap is left.
double gaps_within(double k, double rate, double left, RandomStream& random) {
  double count = 0.0;
  for (;;) {
    const double expected = left * (rate / k);
    double m = expected < 8.0 ? 1.0 : std::min(std::ceil(expected), kMostPurchases);
    double sum = random.gamma(k * m) / rate;
    if (sum > left) {
      while (m > 1.0) {
        const double h = std::floor(0.5 * m);
        const double first = sum * random.beta(k * h, k * (m - h));
        if (first <= left) {
          count += h;
          left -= first;
          m -= h;
          sum -= first;
        } else {
          m = h;
          sum = first;
        }
      }
      return count;
    }
    count += m;
    left -= sum;
    if (count >= kMostPurchases) return kMostPurchases;
  }
}

}  // namespace

void require_valid(const IndividualOptions& options, std::int64_t parameters) {
  const auto at_least = [](const char* name, std::int64_t value, std::int64_t least,
                           const char* rule) {
    if (value < least) throw InvalidInput(name, -1, static_cast<double>(value), rule);
  };
  at_least("chains", options.chains, 1, ">= 1");
  at_least("draws", options.draws, 1, ">= 1");
  at_least("warmup", options.warmup, 0, ">= 0");
  at_least("sweeps", options.sweeps, 1, ">= 1");
  at_least("kept", options.kept, 1, ">= 1");
  if (options.kept > options.draws)
    throw InvalidInput("kept", -1, static_cast<double>(options.kept), "at most draws");
  if (!options.held.empty() && std::ssize(options.held) != parameters)
    throw InvalidInput("held", -1, "must hold the population at all of its parameters");
}

void require_fits(const KeptDraws& draws, const RepeatPurchases& purchases, std::int64_t rates) {
  if (draws.rates != rates || draws.customers != purchases.rows() ||
      std::ssize(draws.individual) != draws.draws * draws.rates * draws.customers)
    throw InvalidInput("draws", -1, "must be of these customers and this model");
}

Buffer<double> simulate_purchases(const KeptDraws& draws, std::span<const double> lifetime,
                                  const RepeatPurchases& purchases, double horizon,
                                  std::uint64_t seed, std::uint64_t first,
                                  const Execution& execution) {
  require_valid(purchases, execution);
  require_fits(draws, purchases, draws.rates);
  require_time("horizon", horizon);
  if (std::ssize(lifetime) != draws.draws * draws.customers)
    throw InvalidInput("lifetime", -1, "must be one a customer and draw");
  Buffer<double> out(draws.draws * draws.customers);
  const auto future = [&](std::int64_t i, std::int64_t d, RandomStream& random) {
    const double t_x = purchases.recency[i], T = purchases.age[i];
    const double left = lifetime[static_cast<std::size_t>(d * draws.customers + i)];
    const double end = std::min(left, T + horizon);
    const double lambda = draws.of(d, 0)[i], k = draws.rates > 2 ? draws.of(d, 2)[i] : 1.0;
    if (!(end > T)) return 0.0;
    const double next = t_x + next_gap(k, k * lambda, T - t_x, random);
    return next <= end ? 1.0 + gaps_within(k, k * lambda, end - next, random) : 0.0;
  };
  for_each_block(
      draws.customers, execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) {
          execution.poll();
          RandomStream random(seed, first + static_cast<std::uint64_t>(i));
          for (std::int64_t d = 0; d < draws.draws; ++d)
            out[d * draws.customers + i] = future(i, d, random);
        }
      },
      64);
  return out;
}

}  // namespace tenure::clv
