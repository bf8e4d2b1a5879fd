#include "tenure/lifecycle/chain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/random.hpp"

namespace tenure::lifecycle {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kDrawsTogether = 16;

/// x = source + matrix x over n states whose rows add up to 1 with `leaving`. Eliminates the states
/// from the last one on; the pivots 1 - p_kk come as sums of what leaves a state.
std::vector<double> solve(std::vector<double> matrix, std::vector<double> leaving,
                          std::vector<double> source) {
  const std::size_t n = source.size();
  std::vector<double> pivot(n);
  for (std::size_t k = n; k-- > 0;) {
    pivot[k] = leaving[k];
    for (std::size_t j = 0; j < k; ++j) pivot[k] += matrix[k * n + j];
    for (std::size_t i = 0; i < k; ++i) {
      const double share = matrix[i * n + k] / pivot[k];
      for (std::size_t j = 0; j < k; ++j) matrix[i * n + j] += share * matrix[k * n + j];
      leaving[i] += share * leaving[k];
      source[i] += share * source[k];
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t j = 0; j < k; ++j) source[k] += matrix[k * n + j] * source[j];
    source[k] /= pivot[k];
  }
  return source;
}

/// Which states have a path into the target.
std::vector<std::uint8_t> reaching(std::span<const double> p, std::vector<std::uint8_t> reaches) {
  const std::size_t n = reaches.size();
  for (bool found = true; found;) {
    found = false;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n && !reaches[i]; ++j)
        if (reaches[j] && p[i * n + j] > 0.0) reaches[i] = found = true;
  }
  return reaches;
}

/// Binomial(n, p): halves n by its median order statistic until the variance is small [Devroye
/// 1986, Non-uniform random variate generation, X.4.3].
double binomial(RandomStream& random, double n, double p) {
  double count = 0.0;
  while (n > 0.0 && p > 0.0) {
    if (p >= 1.0) return count + n;
    const double variance = n * p * (1.0 - p);
    if (variance >= 400.0) {
      const double x = std::round(n * p + std::sqrt(variance) * random.normal());
      return count + std::clamp(x, 0.0, n);
    }
    if (n < 24.0) {
      for (; n > 0.0; n -= 1.0) count += random.uniform() < p;
      return count;
    }
    const double middle = std::floor((n + 1.0) / 2.0);
    const double x = random.beta(middle, n + 1.0 - middle);
    if (x <= p) {
      count += middle;
      n -= middle;
      p = (p - x) / (1.0 - x);
    } else {
      n = middle - 1.0;
      p /= x;
    }
  }
  return count;
}

/// One draw of Dirichlet(weight x scale); zeros stay zero.
void dirichlet(RandomStream& random, std::span<const double> weight, double scale,
               std::span<double> out) {
  double total = 0.0;
  for (std::size_t j = 0; j < weight.size(); ++j)
    total += out[j] = weight[j] > 0.0 ? random.gamma(weight[j] * scale) : 0.0;
  if (total > 0.0) {
    for (double& p : out) p /= total;
  } else if (const auto top = std::ranges::max_element(weight); *top > 0.0) {
    out[static_cast<std::size_t>(top - weight.begin())] = 1.0;  // every gamma underflowed
  }
}

/// Moves `n` customers by the shares of a row and adds them to `to`, exits left out.
void move_customers(RandomStream& random, double n, std::span<const double> row,
                    std::span<double> to) {
  std::size_t last = row.size();
  while (last > 0 && row[last - 1] <= 0.0) --last;
  double left = 1.0;
  for (std::size_t j = 0; j < last && n > 0.0; ++j) {
    if (row[j] <= 0.0) continue;
    const bool rest = j + 1 == last || row[j] >= left;
    const double moved = rest ? n : binomial(random, n, row[j] / left);
    if (j < to.size()) to[j] += moved;
    n -= moved;
    left -= row[j];
  }
}

void require_valid(std::span<const double> p, std::size_t n) {
  if (p.size() != n * n || n == 0)
    throw InvalidInput("transition", -1, static_cast<double>(p.size()), "a square of the states");
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      const double x = p[i * n + j];
      if (!(x >= 0.0 && x <= 1.0))
        throw InvalidInput("transition", static_cast<std::int64_t>(i), x, "between 0 and 1");
      sum += x;
    }
    if (sum != 0.0 && std::fabs(sum - 1.0) > 1e-9)
      throw InvalidInput("transition", static_cast<std::int64_t>(i), sum, "a row that sums to 1");
  }
}

class Forecast {
 public:
  Forecast(const ForecastStart& start, std::int64_t periods)
      : start_(&start),
        stages_(start.sizes.size()),
        states_(stages_ + 1),
        periods_(static_cast<std::size_t>(periods)) {
    if (start.births_given) return;
    const double n = static_cast<double>(start.births.size());
    for (const double b : start.births) mean_ += b / n;
    double squares = 0.0;
    for (const double b : start.births) squares += (b - mean_) * (b - mean_);
    spread_ = std::sqrt(std::max(mean_, n > 1.0 ? squares / (n - 1.0) : 0.0));
  }

  void draw(RandomStream& random, std::span<double> sizes, std::span<double> births,
            std::span<double> revenue) const {
    const ForecastStart& s = *start_;
    std::vector<double> mean(states_ * states_), row(states_);
    for (std::size_t i = 0; i < states_; ++i)
      dirichlet(random, s.weight.subspan(i * states_, states_), 1.0,
                std::span(mean).subspan(i * states_, states_));
    const double born_mean = births_mean(random);
    std::vector<double> value(s.value.begin(), s.value.end());
    for (std::size_t i = 0; i < value.size(); ++i) value[i] += s.value_error[i] * random.normal();

    std::ranges::copy(s.sizes, sizes.begin());
    for (std::size_t t = 0; t < periods_; ++t) {
      const auto now = sizes.subspan(t * stages_, stages_);
      const auto next = sizes.subspan((t + 1) * stages_, stages_);
      births[t] = s.births_given ? s.births[t]
                                 : std::round(std::max(0.0, born_mean + spread_ * random.normal()));
      std::ranges::fill(next, 0.0);
      for (std::size_t i = 0; i < states_; ++i) {
        const auto about = std::span(mean).subspan(i * states_, states_);
        if (std::isfinite(s.concentration[i]))
          dirichlet(random, about, s.concentration[i], row);
        else
          std::ranges::copy(about, row.begin());
        move_customers(random, i < stages_ ? now[i] : births[t], row, next);
      }
      if (value.empty()) continue;
      double variance = 0.0;
      for (std::size_t i = 0; i < states_; ++i) {
        const double size = i < stages_ ? now[i] : births[t];
        revenue[t] += size * value[i];
        variance += size * s.value_spread[i] * s.value_spread[i];
      }
      revenue[t] += std::sqrt(variance) * random.normal();
    }
  }

 private:
  double births_mean(RandomStream& random) const {
    const double n = static_cast<double>(start_->births.size());
    if (start_->births_given || n < 2.0) return mean_;
    const double t = random.normal() / std::sqrt(random.gamma((n - 1.0) / 2.0) * 2.0 / (n - 1.0));
    return mean_ + t * spread_ / std::sqrt(n);
  }

  const ForecastStart* start_;
  std::size_t stages_, states_, periods_;
  double mean_ = 0.0, spread_ = 0.0;
};

}  // namespace

Absorption absorb(std::span<const double> transition, std::span<const std::uint8_t> target) {
  const std::size_t n = target.size();
  require_valid(transition, n);
  const auto reaches = reaching(transition, {target.begin(), target.end()});
  Absorption out{std::vector(n, Reach::no_path), std::vector(n, 0.0), std::vector(n, kNan)};
  std::vector<std::size_t> inner;
  for (std::size_t i = 0; i < n; ++i) {
    if (target[i]) {
      out.status[i] = Reach::target;
      out.probability[i] = 1.0;
      out.periods[i] = 0.0;
    } else if (reaches[i]) {
      out.status[i] = Reach::reached;
      inner.push_back(i);
    }
  }
  const std::size_t m = inner.size();
  std::vector<double> matrix(m * m), leaving(m), hits(m);
  for (std::size_t a = 0; a < m; ++a) {
    const auto row = transition.subspan(inner[a] * n, n);
    for (std::size_t b = 0; b < m; ++b) matrix[a * m + b] = row[inner[b]];
    for (std::size_t j = 0; j < n; ++j) {
      if (target[j]) hits[a] += row[j];
      if (target[j] || !reaches[j]) leaving[a] += row[j];
    }
  }
  const std::vector<double> h = solve(matrix, leaving, hits);
  for (std::size_t a = 0; a < m; ++a) {
    for (std::size_t b = 0; b < m; ++b) matrix[a * m + b] *= h[b] / h[a];
    leaving[a] = hits[a] / h[a];
  }
  const std::vector<double> periods = solve(matrix, leaving, std::vector(m, 1.0));
  for (std::size_t a = 0; a < m; ++a) {
    out.probability[inner[a]] = std::min(h[a], 1.0);
    out.periods[inner[a]] = periods[a];
  }
  return out;
}

std::vector<double> draw_matrices(std::span<const double> weight, std::int64_t rows,
                                  std::int64_t columns, const ChainDraws& draws,
                                  const Execution& execution) {
  const auto size = static_cast<std::size_t>(rows * columns);
  if (weight.size() != size)
    throw InvalidInput("weight", -1, static_cast<double>(weight.size()), "rows x columns");
  for (std::size_t i = 0; i < size; ++i)
    if (!(weight[i] >= 0.0 && std::isfinite(weight[i])))
      throw InvalidInput("weight", static_cast<std::int64_t>(i), weight[i], "finite and >= 0");
  std::vector<double> out(static_cast<std::size_t>(draws.draws) * size);
  for_each_block(
      draws.draws, execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (std::int64_t d = first; d < last; ++d) {
          RandomStream random(draws.seed, static_cast<std::uint64_t>(d));
          for (std::int64_t i = 0; i < rows; ++i) {
            const auto at = static_cast<std::size_t>(i * columns);
            dirichlet(random, weight.subspan(at, static_cast<std::size_t>(columns)), 1.0,
                      std::span(out).subspan(static_cast<std::size_t>(d) * size + at,
                                             static_cast<std::size_t>(columns)));
          }
        }
      },
      kDrawsTogether);
  return out;
}

ForecastDraws forecast_chain(const ForecastStart& start, std::int64_t periods,
                             const ChainDraws& draws, const Execution& execution) {
  const std::size_t stages = start.sizes.size(), states = stages + 1;
  const auto ahead = static_cast<std::size_t>(periods);
  if (start.weight.size() != states * states || start.concentration.size() != states)
    throw InvalidInput("weight", -1, static_cast<double>(start.weight.size()),
                       "a square of the states");
  if (start.births_given ? start.births.size() != ahead : start.births.empty())
    throw InvalidInput("births", -1, static_cast<double>(start.births.size()), "one a period");
  if (!start.value.empty() && (start.value.size() != states || start.value_error.size() != states ||
                               start.value_spread.size() != states))
    throw InvalidInput("value", -1, static_cast<double>(start.value.size()), "one a state");
  const auto n = static_cast<std::size_t>(draws.draws);
  ForecastDraws out{std::vector<double>(n * (ahead + 1) * stages), std::vector<double>(n * ahead),
                    std::vector<double>(start.value.empty() ? 0 : n * ahead)};
  const Forecast forecast(start, periods);
  for_each_block(
      draws.draws, execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (auto d = static_cast<std::size_t>(first); d < static_cast<std::size_t>(last); ++d) {
          execution.poll();
          RandomStream random(draws.seed, d);
          forecast.draw(
              random, std::span(out.sizes).subspan(d * (ahead + 1) * stages, (ahead + 1) * stages),
              std::span(out.births).subspan(d * ahead, ahead),
              out.revenue.empty() ? std::span<double>{}
                                  : std::span(out.revenue).subspan(d * ahead, ahead));
        }
      },
      kDrawsTogether);
  return out;
}

}  // namespace tenure::lifecycle
