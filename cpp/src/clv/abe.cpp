#include "tenure/clv/abe.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>

#include "abe_posterior.hpp"
#include "counts.hpp"
#include "individual_chain.hpp"
#include "individual_draws.hpp"
#include "tenure/optim/adaptive_jump.hpp"
#include "tenure/optim/adaptive_walk.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Of `count` customers, side by side in vectors.
TENURE_CLONES void log_likelihoods(std::int64_t count, const double* x, const double* recency,
                                   const double* silence, const double* log_lambda,
                                   const double* log_mu, double* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    const double u = log_lambda[i], v = log_mu[i];
    const double lambda = special::vector_exp(u), mu = special::vector_exp(v);
    const double sum = lambda + mu;
    const double gone = special::vector_exp(-sum * silence[i]);
    const double value =
        x[i] * u - sum * recency[i] + special::vector_log((mu + lambda * gone) / sum);
    const bool possible = (std::fabs(u) <= kFarthest) & (std::fabs(v) <= kFarthest);
    out[i] = possible ? value : -kInfinity;
  }
}

struct Setup {
  AbePosterior population;
  std::span<const double> held;
};

class LogNormalRates {
 public:
  static constexpr std::size_t kRates = 2;
  static constexpr int kSteps = 4;
  static constexpr bool kMarginal = true;

  LogNormalRates(const Setup& setup, const Histories& histories, RandomStream& random,
                 Positions<2>& positions, const Execution& execution)
      : setup_(setup),
        histories_(histories),
        covariates_(setup.population.design().cols()),
        means_{Buffer<double>(histories.rows), Buffer<double>(histories.rows)},
        guess_(histories.rows),
        walk_(setup.population.spread()),
        jump_(setup.population.mode(), setup.population.spread()) {
    const double unit = histories.mean_age;
    const double level = random.normal();  // chains start apart
    for (std::int64_t i = 0; i < histories.rows; ++i) {
      if ((i & 1023) == 0) execution.poll();
      const double x = histories.frequency[i], seen = histories.recency[i] + histories.age[i];
      guess_[i] = x > 0.0 ? std::log(x / (0.5 * seen)) : 0.0;
      positions.logs[0][i] =
          std::log((x + 0.5) / (histories.age[i] + unit)) + 0.5 * random.normal();
      positions.logs[1][i] = level - std::log(unit) + 0.5 * random.normal();
    }
    if (setup.held.empty()) {
      // Apart from each other, by what the mode and the curvature there guess.
      const auto& posterior = setup.population;
      for (int tries = 0; tries < 20 && !std::isfinite(value_); ++tries) {
        point_ = jump_.propose(random);
        value_ = posterior.log_density(point_, execution);
      }
      if (!std::isfinite(value_)) {
        point_ = posterior.mode();
        value_ = posterior.log_density(point_, execution);
      }
      take_point();
    } else {
      coefficients_ = Eigen::Map<const Matrix>(setup.held.data(), covariates_, 2);
      const double* gamma = setup.held.data() + 2 * covariates_;
      gamma_.resize(2, 2);
      gamma_ << gamma[0], gamma[1], gamma[1], gamma[2];
      take();
    }
  }

  void log_likelihood(std::int64_t from, std::int64_t count, const Logs<2>& logs,
                      double* out) const {
    log_likelihoods(count, histories_.frequency + from, histories_.recency + from,
                    histories_.silence.data() + from, logs[0], logs[1], out);
  }

  void log_density(std::int64_t from, std::int64_t count, const Logs<2>& logs, double* out) const {
    const double *first = means_[0].data() + from, *second = means_[1].data() + from;
    for (std::int64_t i = 0; i < count; ++i) {
      const double a = logs[0][i] - first[i], b = logs[1][i] - second[i];
      out[i] = -0.5 * (precision_(0, 0) * a * a + 2.0 * precision_(1, 0) * a * b +
                       precision_(1, 1) * b * b);
    }
  }

  /// The conditional posterior if x purchases said of log lambda what a normal observation at
  /// `guess_` of precision x does, and nothing of log mu: its deviation of log lambda is `share`
  /// times that of the population, the rest of log mu follows from log lambda as it does there.
  void leap(std::int64_t from, std::int64_t count, std::array<double*, 2> out,
            RandomStream&) const {
    const Line line(root_);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto [centre, width] = guess(line, means_[0][from + i], from + i);
      const double u = centre + width * out[0][i];
      const double v = means_[1][from + i] + line.slope * (u - means_[0][from + i]);
      out[0][i] = u;
      out[1][i] = v + line.second * out[1][i];
    }
  }

  void log_leap_density(std::int64_t from, std::int64_t count, const Logs<2>& logs,
                        double* out) const {
    const Line line(root_);
    for (std::int64_t i = 0; i < count; ++i) {
      const double m = means_[0][from + i], u = logs[0][i];
      const auto [centre, width] = guess(line, m, from + i);
      const double first = (u - centre) / width;
      const double second = (logs[1][i] - means_[1][from + i] - line.slope * (u - m)) / line.second;
      out[i] = -0.5 * (first * first + second * second);
    }
  }

  double spread(std::int64_t row, std::size_t rate) const {
    return rate == 0 ? 1.0 / std::sqrt(histories_.frequency[row] + 1.0) : 1.0;
  }

  /// A step of B and Gamma by their own posterior: mostly a jump to somewhere else, and now and
  /// then a step from here, which finds the way where jumps do not lead.
  void update(Positions<2>&, RandomStream& random, bool learns, const Execution& execution) {
    const bool jumps = random.uniform() < 0.8;
    const Vector there = jumps ? jump_.propose(random) : walk_.propose(point_, random);
    const double uniform = random.uniform(),
                 value = setup_.population.log_density(there, execution);
    double gain = value - value_;
    if (jumps) gain += jump_.log_density(point_) - jump_.log_density(there);
    const double acceptance = gain >= 0.0 ? 1.0 : std::isnan(gain) ? 0.0 : std::exp(gain);
    if (uniform < acceptance) {
      value_ = value;
      point_ = there;
      take_point();
    }
    if (!learns) return;
    if (!jumps) walk_.learn(point_, acceptance);
    jump_.learn(point_);
  }

  /// Of the population at its parameters, everybody's rates integrated out.
  double log_likelihood_of_all() const {
    return value_ - setup_.population.log_prior(setup_.population.at(point_));
  }

  void record(std::span<double> out) const {
    std::copy_n(coefficients_.data(), 2 * covariates_, out.data());
    out[out.size() - 3] = gamma_(0, 0);
    out[out.size() - 2] = gamma_(1, 0);
    out[out.size() - 1] = gamma_(1, 1);
  }

  double lifetime(std::int64_t row, const std::array<double, 2>& rates,
                  RandomStream& random) const {
    const double t_x = histories_.recency[row], T = histories_.age[row];
    if (random.uniform() < abe_probability_alive(t_x, T, rates[0], rates[1]))
      return T + random.exponential() / rates[1];
    const double sum = rates[0] + rates[1];
    const double left = -std::log1p(random.uniform() * std::expm1(-sum * (T - t_x))) / sum;
    return std::min(t_x + left, T);
  }

 private:
  /// Gamma as a regression of log mu on log lambda.
  struct Line {
    explicit Line(const Matrix& root)
        : first(root(0, 0)), slope(root(1, 0) / root(0, 0)), second(root(1, 1)) {}
    double first, slope, second;
  };

  struct Guess {
    double centre, width;
  };

  Guess guess(const Line& line, double mean, std::int64_t row) const {
    const double share = 1.0 / (1.0 + histories_.frequency[row] * line.first * line.first);
    return {mean + (1.0 - share) * (guess_[row] - mean), line.first * std::sqrt(share)};
  }

  void take_point() {
    const AbePopulation p = setup_.population.at(point_);
    coefficients_ = p.coefficients;
    gamma_ = p.root * p.root.transpose();
    take();
  }

  /// What follows from B and Gamma.
  void take() {
    root_ = gamma_.llt().matrixL();
    precision_ = gamma_.inverse();
    for (Eigen::Index r = 0; r < 2; ++r)
      Eigen::Map<Vector>(means_[static_cast<std::size_t>(r)].data(), histories_.rows) =
          setup_.population.design() * coefficients_.col(r);
  }

  const Setup& setup_;
  const Histories& histories_;
  Eigen::Index covariates_;
  std::array<Buffer<double>, 2> means_;  ///< B'w
  Buffer<double> guess_;                 ///< of log lambda from the purchases alone
  optim::AdaptiveWalk walk_;
  optim::AdaptiveJump jump_;
  Vector point_;               ///< of the population
  double value_ = -kInfinity;  ///< log posterior density there
  Matrix coefficients_, gamma_, root_, precision_;
};

template <class Value>
Buffer<double> of_each(const KeptDraws& draws, const RepeatPurchases& purchases,
                       const Execution& execution, const Value& value) {
  require_valid(purchases, execution);
  require_fits(draws, purchases, 2);
  Buffer<double> out(draws.draws * draws.customers);
  for_each_task(draws.draws, execution, [&](std::int64_t d) {
    const auto lambda = draws.of(d, 0), mu = draws.of(d, 1);
    for (std::int64_t i = 0; i < draws.customers; ++i) {
      if ((i & 4095) == 0) execution.poll();
      out[d * draws.customers + i] = value(i, lambda[i], mu[i]);
    }
  });
  return out;
}

}  // namespace

double abe_log_likelihood(double x, double t_x, double T, double lambda, double mu) {
  const double sum = lambda + mu;
  return x * std::log(lambda) - sum * t_x +
         std::log((mu + lambda * std::exp(-sum * (T - t_x))) / sum);
}

double abe_probability_alive(double t_x, double T, double lambda, double mu) {
  const double sum = lambda + mu;
  const double gone = std::exp(-sum * (T - t_x));
  return sum * gone / (mu + lambda * gone);
}

IndividualDraws sample_abe(const RepeatPurchases& purchases, std::span<const double> design,
                           std::int64_t covariates, const AbePrior& prior,
                           const IndividualOptions& options, const Execution& execution) {
  Setup setup{AbePosterior(purchases, design, covariates, prior, execution), options.held};
  const std::int64_t parameters = 2 * covariates + 3;
  require_valid(options, parameters);
  if (options.held.empty()) setup.population.find_mode(execution);
  return run_chains<LogNormalRates>(setup, Histories(purchases), options, parameters, execution);
}

Buffer<double> abe_probabilities_alive(const KeptDraws& draws, const RepeatPurchases& purchases,
                                       const Execution& execution) {
  return of_each(draws, purchases, execution, [&](std::int64_t i, double lambda, double mu) {
    return abe_probability_alive(purchases.recency[i], purchases.age[i], lambda, mu);
  });
}

Buffer<double> abe_expected_purchases(const KeptDraws& draws, const RepeatPurchases& purchases,
                                      double horizon, const Execution& execution) {
  require_time("horizon", horizon);
  return of_each(draws, purchases, execution, [&](std::int64_t i, double lambda, double mu) {
    const double time = horizon > 0.0 ? -std::expm1(-mu * horizon) / mu : 0.0;
    return abe_probability_alive(purchases.recency[i], purchases.age[i], lambda, mu) * lambda *
           time;
  });
}

}  // namespace tenure::clv
