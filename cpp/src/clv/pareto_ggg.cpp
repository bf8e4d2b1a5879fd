#include "tenure/clv/pareto_ggg.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "individual_chain.hpp"
#include "individual_draws.hpp"
#include "tenure/optim/adaptive_walk.hpp"
#include "tenure/special/chi_square.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kMostRegular = std::log(1e4);  // of |log k|
constexpr std::size_t kPairs = 3;           // lambda, mu, k: each a shape and a rate

/// P(no purchase within c after one), D of the header.
double silent(double lambda, double mu, double k, double c) {
  if (c == 0.0) return 1.0;
  const double rate = k * lambda;
  // (1 - A) + A Q, both positive: nothing cancels where D is small.
  const double log_a = -k * std::log1p(mu / rate);
  return -std::expm1(log_a) + std::exp(log_a) * special::gamma_q(k, (rate + mu) * c);
}

/// Where a univariate density goes next. [Neal 2003, Annals of Statistics 31:705-767, fig. 3, 5]
template <class Density>
double slice(double at, double width, const Density& log_density, RandomStream& random) {
  constexpr int kMostSteps = 60;
  const double level = log_density(at) - random.exponential();
  double left = at - width * random.uniform(), right = left + width;
  for (int i = 0; i < kMostSteps && log_density(left) > level; ++i) left -= width;
  for (int i = 0; i < kMostSteps && log_density(right) > level; ++i) right += width;
  for (int i = 0; i < 200; ++i) {
    const double next = left + random.uniform() * (right - left);
    if (log_density(next) > level) return next;
    (next < at ? left : right) = next;
  }
  return at;
}

struct Setup {
  const std::vector<PriorTerm>& prior;
  std::span<const double> held;
};

class GammaRates {
 public:
  static constexpr std::size_t kRates = kPairs;
  static constexpr int kSteps = 3;
  static constexpr bool kMarginal = false;

  GammaRates(const Setup& setup, const Histories& histories, RandomStream& random,
             Positions<kRates>& positions, const Execution& execution)
      : setup_(setup),
        histories_(histories),
        next_(setup.held.empty() ? histories.rows : 0),
        walks_{walk(histories.rows), walk(histories.rows), walk(histories.rows)} {
    const double unit = histories.mean_age;
    const double starts[2 * kPairs] = {1.0, unit, 1.0, unit, 2.0, 2.0};
    for (std::size_t j = 0; j < 2 * kPairs; ++j)
      u_[j] = setup.held.empty() ? std::log(starts[j]) + 0.5 * random.normal()
                                 : std::log(setup.held[j]);
    for (std::int64_t i = 0; i < histories.rows; ++i) {
      if ((i & 1023) == 0) execution.poll();
      const double x = histories.frequency[i];
      positions.logs[0][i] =
          std::log((x + 0.5) / (histories.age[i] + unit)) + 0.5 * random.normal();
      positions.logs[1][i] = -std::log(unit) + 0.5 * random.normal();
      positions.logs[2][i] = 0.3 * random.normal();
    }
  }

  void log_likelihood(std::int64_t from, std::int64_t count, const Logs<kRates>& logs,
                      double* out) const {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = from + i;
      const double u = logs[0][i], v = logs[1][i], w = logs[2][i];
      if (!(std::fabs(u) <= kFarthest && std::fabs(v) <= kFarthest &&
            std::fabs(w) <= kMostRegular)) {
        out[i] = -kInfinity;
        continue;
      }
      const double lambda = std::exp(u), mu = std::exp(v), k = std::exp(w);
      const double x = histories_.frequency[row];
      double value = std::log(silent(lambda, mu, k, histories_.silence[row])) -
                     (k * lambda + mu) * histories_.recency[row];
      if (x > 0.0)
        value += x * (k * (w + u) - special::lgamma(k)) + (k - 1.0) * histories_.log_gaps[row];
      out[i] = value;
    }
  }

  void log_density(std::int64_t, std::int64_t count, const Logs<kRates>& logs, double* out) const {
    double shape[kPairs], rate[kPairs];
    for (std::size_t j = 0; j < kPairs; ++j) {
      shape[j] = std::exp(u_[2 * j]);
      rate[j] = std::exp(u_[2 * j + 1]);
    }
    for (std::int64_t i = 0; i < count; ++i) {
      double sum = 0.0;
      for (std::size_t j = 0; j < kPairs; ++j)
        sum += shape[j] * logs[j][i] - rate[j] * std::exp(logs[j][i]);
      out[i] = sum;
    }
  }

  void leap(std::int64_t from, std::int64_t count, std::array<double*, kRates> out,
            RandomStream& random) const {
    for (std::size_t j = 0; j < kPairs; ++j) {
      const double shape = std::exp(u_[2 * j]), rate = std::exp(u_[2 * j + 1]);
      for (std::int64_t i = 0; i < count; ++i) {
        const auto [purchases, time] = told(j, from + i);
        out[j][i] = std::log(random.gamma(shape + purchases) / (rate + time));
      }
    }
  }

  void log_leap_density(std::int64_t from, std::int64_t count, const Logs<kRates>& logs,
                        double* out) const {
    log_density(from, count, logs, out);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto [purchases, time] = told(0, from + i);
      out[i] += purchases * logs[0][i] - time * std::exp(logs[0][i]);
    }
  }

  double spread(std::int64_t row, std::size_t rate) const {
    const double x = histories_.frequency[row];
    if (rate == 1) return 1.2;
    return rate == 0 ? 1.0 / std::sqrt(x + 1.0) : 0.7 / std::sqrt(0.3 * x + 1.0);
  }

  void update(Positions<kRates>& positions, RandomStream& random, bool learns,
              const Execution& execution) {
    for (std::size_t j = 0; j < kPairs; ++j) {
      draw_given_customers(j, positions, random);
      move_all(j, positions, random, learns, execution);
    }
  }

  void record(std::span<double> out) const {
    for (std::size_t j = 0; j < u_.size(); ++j) out[j] = std::exp(u_[j]);
  }

  double lifetime(std::int64_t row, const std::array<double, kRates>& rates,
                  RandomStream& random) const {
    const double t_x = histories_.recency[row], T = histories_.age[row], c = T - t_x;
    const auto [lambda, mu, k] = rates;
    if (random.uniform() < pareto_ggg_probability_alive(t_x, T, {lambda, mu, k}))
      return T + random.exponential() / mu;
    // Time of leaving after t_x: density proportional to e^(-mu v) Q(k, k lambda v) on (0, c).
    const double most = std::expm1(-mu * c);
    for (int i = 0; i < 100; ++i) {
      const double v = -std::log1p(random.uniform() * most) / mu;
      if (random.uniform() < special::gamma_q(k, k * lambda * v)) return std::min(t_x + v, T);
    }
    // Somebody who was long overdue: by bisection of the integral.
    const auto left_within = [&](double v) {
      const double rate = k * lambda;
      const double a = std::exp(-k * std::log1p(mu / rate));
      return 1.0 - std::exp(-mu * v) * special::gamma_q(k, rate * v) -
             a * (1.0 - special::gamma_q(k, (rate + mu) * v));
    };
    const double target = random.uniform() * left_within(c);
    double low = 0.0, high = c;
    for (int i = 0; i < 60; ++i) {
      const double middle = 0.5 * (low + high);
      (left_within(middle) < target ? low : high) = middle;
    }
    return std::min(t_x + high, T);
  }

 private:
  static optim::AdaptiveWalk walk(std::int64_t rows) {
    return optim::AdaptiveWalk(Eigen::MatrixXd::Identity(2, 2) / (static_cast<double>(rows) + 1.0));
  }

  /// What the history says of a rate about as so many events within a time would: of lambda.
  struct Told {
    double events, time;
  };
  Told told(std::size_t pair, std::int64_t row) const {
    if (pair != 0) return {0.0, 0.0};
    return {histories_.frequency[row], 0.5 * (histories_.recency[row] + histories_.age[row])};
  }

  double log_prior(const std::array<double, 2 * kPairs>& u) {
    prior_.value = 0.0;
    for (const PriorTerm& term : setup_.prior) add_log_density(term, u, prior_);
    return prior_.value;
  }

  /// Shape and mean of a pair in turn, given everybody's rate.
  void draw_given_customers(std::size_t pair, const Positions<kRates>& positions,
                            RandomStream& random) {
    const auto logs = positions.logs[pair].span();
    const auto n = static_cast<double>(logs.size());
    double sum_logs = 0.0, sum = 0.0;
    for (const double u : logs) {
      sum_logs += u;
      sum += std::exp(u);
    }
    const auto density = [&](double log_shape, double log_mean) {
      auto u = u_;
      u[2 * pair] = log_shape;
      u[2 * pair + 1] = log_shape - log_mean;
      const double shape = std::exp(log_shape), rate = std::exp(log_shape - log_mean);
      const double value = n * (shape * u[2 * pair + 1] - special::lgamma(shape)) +
                           shape * sum_logs - rate * sum + log_prior(u);
      return std::isnan(value) ? -kInfinity : value;
    };
    double log_shape = u_[2 * pair], log_mean = log_shape - u_[2 * pair + 1];
    const double width = 3.0 / std::sqrt(n + 1.0);
    log_shape = slice(log_shape, width, [&](double s) { return density(s, log_mean); }, random);
    const double wide = width / std::sqrt(std::min(1.0, std::exp(log_shape)));
    log_mean = slice(log_mean, wide, [&](double m) { return density(log_shape, m); }, random);
    u_[2 * pair] = log_shape;
    u_[2 * pair + 1] = log_shape - log_mean;
  }

  /// A rate as a draw from a guess of its posterior, gamma(a, rate b): b rate = w U^(1/a) with w
  /// ~ gamma(a + 1) and U uniform; w = d (1 + z / (3 sqrt(d)))^3 with z nearly normal [Marsaglia &
  /// Tsang 2000]. z and log U are the customer's place, which a step of (shape, rate) keeps.
  struct Gamma {
    double shape, rate, log_rate, log_gamma;
    Gamma(double u, double v)
        : shape(std::exp(u)), rate(std::exp(v)), log_rate(v), log_gamma(special::lgamma(shape)) {}
  };

  /// Log of population density over guess, times the density of the place; constants left out.
  static double weight(const Gamma& g, const Told& t, double log_value, double w, double v) {
    const double a = g.shape + t.events, b = g.rate + t.time, d = a + 2.0 / 3.0;
    return g.shape * g.log_rate - g.log_gamma - a * std::log(b) - std::log(a) -
           t.events * log_value + t.time * std::exp(log_value) + a * std::log(w) - w +
           0.5 * std::log(d) + 2.0 * std::log(v);
  }

  void move_all(std::size_t pair, Positions<kRates>& positions, RandomStream& random, bool learns,
                const Execution& execution) {
    const Eigen::Vector2d here(u_[2 * pair], u_[2 * pair] - u_[2 * pair + 1]);
    const Eigen::VectorXd there = walks_[pair].propose(here, random);
    const double uniform = random.uniform();
    double acceptance = 0.0;
    if (there.cwiseAbs().maxCoeff() < kFarthest) {
      auto u = u_;
      u[2 * pair] = there[0];
      u[2 * pair + 1] = there[0] - there[1];
      const Gamma now(u_[2 * pair], u_[2 * pair + 1]), then(u[2 * pair], u[2 * pair + 1]);
      double before = 0.0;
      for (const double value : positions.log_likelihood.span()) before += value;
      const auto move = [&](std::int64_t from, std::int64_t count,
                            std::array<double*, kRates> out) {
        double sum = 0.0;
        for (std::size_t j = 0; j < kRates; ++j)
          if (j != pair) std::copy_n(positions.logs[j].data() + from, count, out[j]);
        for (std::int64_t i = 0; i < count; ++i) {
          const Told t = told(pair, from + i);
          const double log_value = positions.logs[pair][from + i];
          const double a = now.shape + t.events, b = now.rate + t.time, d = a + 2.0 / 3.0;
          const double scaled = b * std::exp(log_value), w = scaled + random.exponential();
          const double root = std::cbrt(w / d);
          const double normal = (root - 1.0) * 3.0 * std::sqrt(d);
          const double log_uniform = a * (std::log(b) + log_value - std::log(w));
          const double a2 = then.shape + t.events, b2 = then.rate + t.time, d2 = a2 + 2.0 / 3.0;
          const double root2 = 1.0 + normal / (3.0 * std::sqrt(d2));
          const double w2 = d2 * root2 * root2 * root2;
          const double moved = std::log(w2) + log_uniform / a2 - std::log(b2);
          out[pair][i] = moved;
          sum += root2 > 0.0
                     ? weight(then, t, moved, w2, root2) - weight(now, t, log_value, w, root)
                     : -kInfinity;
        }
        return sum;
      };
      const double sum = evaluate_moved(*this, next_, execution, move);
      const double gain = (sum - before) + (log_prior(u) - log_prior(u_));
      acceptance = gain >= 0.0 ? 1.0 : std::isnan(gain) ? 0.0 : std::exp(gain);
      if (uniform < acceptance) {
        std::swap(positions, next_);
        u_ = u;
      }
    }
    if (learns)
      walks_[pair].learn(Eigen::Vector2d(u_[2 * pair], u_[2 * pair] - u_[2 * pair + 1]),
                         acceptance);
  }

  const Setup& setup_;
  const Histories& histories_;
  Positions<kRates> next_;
  std::array<optim::AdaptiveWalk, kPairs> walks_;
  std::array<double, 2 * kPairs> u_;  ///< logs of shape and rate, pair by pair
  optim::Evaluation prior_{0.0, std::vector<double>(2 * kPairs),
                           std::vector<double>(4 * kPairs * kPairs)};
};

}  // namespace

double pareto_ggg_log_likelihood(const RegularHistory& h, const RegularRates& rates) {
  const auto [lambda, mu, k] = rates;
  double value = std::log(silent(lambda, mu, k, h.T - h.t_x)) - (k * lambda + mu) * h.t_x;
  if (h.x > 0.0)
    value += h.x * (k * std::log(k * lambda) - special::lgamma(k)) + (k - 1.0) * h.log_gaps;
  return value;
}

double pareto_ggg_probability_alive(double t_x, double T, const RegularRates& rates) {
  const auto [lambda, mu, k] = rates;
  const double c = T - t_x;
  if (c == 0.0) return 1.0;
  const double there = std::exp(-mu * c) * special::gamma_q(k, k * lambda * c);
  return std::clamp(there / silent(lambda, mu, k, c), 0.0, 1.0);
}

IndividualDraws sample_pareto_ggg(const RepeatPurchases& purchases,
                                  std::span<const double> log_gaps,
                                  const std::vector<PriorTerm>& prior,
                                  const IndividualOptions& options, const Execution& execution) {
  require_valid(purchases, execution);
  if (purchases.rows() == 0) throw InvalidInput("frequency", -1, "must be non-empty");
  if (std::ssize(log_gaps) != purchases.rows())
    throw InvalidInput("log_gaps", -1, "must have a row a customer");
  for (std::int64_t i = 0; i < purchases.rows(); ++i) {
    if (!std::isfinite(log_gaps[i])) throw InvalidInput("log_gaps", i, log_gaps[i], "finite");
    if (purchases.frequency[i] == 0.0 && log_gaps[i] != 0.0)
      throw InvalidInput("log_gaps", i, log_gaps[i], "0 where frequency is 0");
  }
  require_valid(prior, 2 * kPairs);
  require_valid(options, 2 * kPairs);
  Histories histories(purchases);
  histories.log_gaps = log_gaps;
  return run_chains<GammaRates>(Setup{prior, options.held}, histories, options, 2 * kPairs,
                                execution);
}

Buffer<double> pareto_ggg_probabilities_alive(const KeptDraws& draws,
                                              const RepeatPurchases& purchases,
                                              const Execution& execution) {
  require_valid(purchases, execution);
  require_fits(draws, purchases, static_cast<std::int64_t>(kPairs));
  Buffer<double> out(draws.draws * draws.customers);
  for_each_task(draws.draws, execution, [&](std::int64_t d) {
    for (std::int64_t i = 0; i < draws.customers; ++i) {
      if ((i & 1023) == 0) execution.poll();
      out[d * draws.customers + i] =
          pareto_ggg_probability_alive(purchases.recency[i], purchases.age[i],
                                       {draws.of(d, 0)[i], draws.of(d, 1)[i], draws.of(d, 2)[i]});
    }
  });
  return out;
}

}  // namespace tenure::clv
