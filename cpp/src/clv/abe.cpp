#include "tenure/clv/abe.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <numbers>

#include "counts.hpp"
#include "individual_chain.hpp"
#include "individual_draws.hpp"
#include "tenure/optim/adaptive_walk.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Columns = Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>;

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
    out[i] = possible ? value : -std::numeric_limits<double>::infinity();
  }
}

/// A draw from Wishart(degrees, scale)^-1, and its lower root. [Bartlett 1933]
Matrix inverse_wishart(double degrees, const Matrix& scale, RandomStream& random) {
  const Matrix root = scale.inverse().llt().matrixL();
  Matrix bartlett = Matrix::Zero(2, 2);
  for (Eigen::Index j = 0; j < 2; ++j)
    bartlett(j, j) = std::sqrt(2.0 * random.gamma(0.5 * (degrees - static_cast<double>(j))));
  bartlett(1, 0) = random.normal();
  // Gamma = (C A A' C')^-1.
  const Matrix factor = (root * bartlett).inverse();
  Matrix gamma = factor.transpose() * factor;
  gamma(0, 1) = gamma(1, 0);
  return gamma;
}

struct Setup {
  Columns design;
  Matrix mean, precision, scale;
  double degrees;
  Matrix cross;          ///< W'W + A
  Matrix cross_inverse;  ///< its inverse
  std::span<const double> held;
};

class LogNormalRates {
 public:
  static constexpr std::size_t kRates = 2;
  static constexpr int kSteps = 6;

  LogNormalRates(const Setup& setup, const Histories& histories, RandomStream& random,
                 Positions<2>& positions, const Execution& execution)
      : setup_(setup),
        histories_(histories),
        covariates_(setup.design.cols()),
        next_(setup.held.empty() ? histories.rows : 0),
        means_{Buffer<double>(histories.rows), Buffer<double>(histories.rows)},
        guess_(histories.rows),
        walk_(first_covariance(setup)) {
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
      draw_given_customers(positions, random);
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

  void update(Positions<2>& positions, RandomStream& random, bool learns,
              const Execution& execution) {
    draw_given_customers(positions, random);
    for (int k = 0; k < kWalks; ++k) move_all(positions, random, learns, execution);
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
  static constexpr int kWalks = 2;  // of the population with everybody, a sweep

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

  /// Of (B, log l_11, l_21, log l_22), with Gamma = l l'.
  static Matrix first_covariance(const Setup& setup) {
    const Eigen::Index k = setup.design.cols(), n = 2 * k + 3;
    Matrix covariance = Matrix::Zero(n, n);
    covariance.block(0, 0, k, k) = covariance.block(k, k, k, k) = setup.cross_inverse;
    const double rows = static_cast<double>(setup.design.rows());
    covariance.diagonal().tail(3).setConstant(1.0 / (rows + 1.0));
    return covariance;
  }

  /// B and Gamma given everybody's rates: a regression of two variables.
  void draw_given_customers(const Positions<2>& positions, RandomStream& random) {
    const Eigen::Index n = histories_.rows;
    Matrix products(covariates_, 2), squares(2, 2);
    const Eigen::Map<const Vector> u(positions.logs[0].data(), n), v(positions.logs[1].data(), n);
    products.col(0) = setup_.design.transpose() * u;
    products.col(1) = setup_.design.transpose() * v;
    products += setup_.precision * setup_.mean;
    const Matrix best = setup_.cross_inverse * products;
    // Residuals by subtraction would cancel where the means are large.
    const Vector a = u - setup_.design * best.col(0), b = v - setup_.design * best.col(1);
    squares << a.squaredNorm(), a.dot(b), a.dot(b), b.squaredNorm();
    const Matrix off = best - setup_.mean;
    squares += setup_.scale + off.transpose() * setup_.precision * off;
    gamma_ = inverse_wishart(setup_.degrees + static_cast<double>(n), squares, random);
    Matrix normal(covariates_, 2);
    for (double& z : normal.reshaped()) z = random.normal();
    const Matrix rows = setup_.cross_inverse.llt().matrixL();
    const Matrix columns = gamma_.llt().matrixL();
    coefficients_ = best + rows * normal * columns.transpose();
    take();
  }

  /// What follows from B and Gamma.
  void take() {
    root_ = gamma_.llt().matrixL();
    precision_ = gamma_.inverse();
    for (Eigen::Index r = 0; r < 2; ++r)
      Eigen::Map<Vector>(means_[static_cast<std::size_t>(r)].data(), histories_.rows) =
          setup_.design * coefficients_.col(r);
  }

  /// Log prior density of B and Gamma in the coordinates of the walk.
  double log_prior(const Matrix& coefficients, const Matrix& root) const {
    const Matrix inverse = (root * root.transpose()).inverse();
    const Matrix off = coefficients - setup_.mean;
    const Matrix squares = setup_.scale + off.transpose() * setup_.precision * off;
    const double log_determinant = 2.0 * (std::log(root(0, 0)) + std::log(root(1, 1)));
    const double power = setup_.degrees + 3.0 + static_cast<double>(covariates_);
    return -0.5 * power * log_determinant - 0.5 * (squares * inverse).trace() +
           3.0 * std::log(root(0, 0)) + 2.0 * std::log(root(1, 1));
  }

  /// A step of B and Gamma that takes everybody along: a customer keeps the place within the guess
  /// of the conditional posterior that `leap` draws from. Somebody of whom nothing is known moves
  /// with the population, a frequent buyer stays.
  void move_all(Positions<2>& positions, RandomStream& random, bool learns,
                const Execution& execution) {
    const Vector there = walk_.propose(coordinates(), random);
    const double uniform = random.uniform();
    const auto* l = there.data() + 2 * covariates_;
    double acceptance = 0.0;
    if (there.allFinite() && std::fabs(l[0]) < 50.0 && std::fabs(l[2]) < 50.0) {
      const Matrix coefficients = Eigen::Map<const Matrix>(there.data(), covariates_, 2);
      Matrix root(2, 2);
      root << std::exp(l[0]), 0.0, l[1], std::exp(l[2]);
      const Matrix change = coefficients - coefficients_;
      const Line from_line(root_), to_line(root);
      double before = 0.0;
      for (const double value : positions.log_likelihood.span()) before += value;
      const auto move = [&](std::int64_t from, std::int64_t count, std::array<double*, 2> out) {
        return shift(from, count, positions.at(from), change, from_line, to_line, out);
      };
      const double sum = evaluate_moved(*this, next_, execution, move);
      const double gain =
          (sum - before) + (log_prior(coefficients, root) - log_prior(coefficients_, root_));
      acceptance = gain >= 0.0 ? 1.0 : std::isnan(gain) ? 0.0 : std::exp(gain);
      if (uniform < acceptance) {
        std::swap(positions, next_);
        coefficients_ = coefficients;
        gamma_ = root * root.transpose();
        take();
      }
    }
    if (learns) walk_.learn(coordinates(), acceptance);
  }

  /// Of B and Gamma, without bounds: those of B, log l_11, l_21, log l_22.
  Vector coordinates() const {
    Vector point(2 * covariates_ + 3);
    point << coefficients_.reshaped(), std::log(root_(0, 0)), root_(1, 0), std::log(root_(1, 1));
    return point;
  }

  /// Where customers are after B moved by `change` and Gamma from one line to another. Returns the
  /// log of the densities under the population there times the volumes that their places stand for,
  /// less the same here: what log mu adds to it cancels.
  double shift(std::int64_t from, std::int64_t count, const Logs<2>& logs, const Matrix& change,
               const Line& here, const Line& there, std::array<double*, 2> out) const {
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i) {
      double du = 0.0, dv = 0.0;
      const double* w = setup_.design.data() + (from + i) * covariates_;
      for (Eigen::Index k = 0; k < covariates_; ++k) {
        du += w[k] * change(k, 0);
        dv += w[k] * change(k, 1);
      }
      const double m = means_[0][from + i], next = m + du;
      const auto now = guess(here, m, from + i), then = guess(there, next, from + i);
      const double u = logs[0][i],
                   moved = then.centre + then.width * ((u - now.centre) / now.width);
      const double rest = logs[1][i] - means_[1][from + i] - here.slope * (u - m);
      out[0][i] = moved;
      out[1][i] = means_[1][from + i] + dv + there.slope * (moved - next) +
                  there.second * (rest / here.second);
      const double a = (u - m) / here.first, b = (moved - next) / there.first;
      // The widths without the part that they share with the density's constant.
      sum +=
          0.5 * (a * a - b * b) + std::log((then.width / there.first) / (now.width / here.first));
    }
    return sum;
  }

  const Setup& setup_;
  const Histories& histories_;
  Eigen::Index covariates_;
  Positions<2> next_;
  std::array<Buffer<double>, 2> means_;  ///< B'w
  Buffer<double> guess_;                 ///< of log lambda from the purchases alone
  optim::AdaptiveWalk walk_;
  Matrix coefficients_, gamma_, root_, precision_;
};

Setup prepare(const RepeatPurchases& purchases, std::span<const double> design,
              std::int64_t covariates, const AbePrior& prior, const Execution& execution) {
  require_valid(purchases, execution);
  const auto k = static_cast<std::size_t>(covariates);
  if (purchases.rows() == 0) throw InvalidInput("frequency", -1, "must be non-empty");
  if (covariates < 1 || design.size() != purchases.frequency.size() * k)
    throw InvalidInput("covariates", -1, "must have a row a customer");
  for (std::size_t i = 0; i < design.size(); ++i)
    if (!std::isfinite(design[i]))
      throw InvalidInput("covariates", static_cast<std::int64_t>(i / k), design[i], "finite");
  if (prior.mean.size() != 2 * k || prior.precision.size() != k * k || prior.scale.size() != 4)
    throw InvalidInput("prior", -1, "does not fit the number of covariates");
  Setup setup{Columns(design.data(), purchases.rows(), covariates),
              Columns(prior.mean.data(), covariates, 2),
              Columns(prior.precision.data(), covariates, covariates),
              Columns(prior.scale.data(), 2, 2),
              prior.degrees,
              {},
              {},
              {}};
  const auto is_density = [](const Matrix& m) {
    return m.allFinite() && m.isApprox(m.transpose()) && m.llt().info() == Eigen::Success;
  };
  if (!is_density(setup.precision))
    throw InvalidInput("prior", -1, "precision must be symmetric and positive definite");
  if (!is_density(setup.scale))
    throw InvalidInput("prior", -1, "scale must be symmetric and positive definite");
  if (!(prior.degrees > 1.0 && std::isfinite(prior.degrees)))
    throw InvalidInput("prior", -1, "degrees of freedom must be finite and > 1");
  if (!setup.mean.allFinite()) throw InvalidInput("prior", -1, "mean must be finite");
  setup.cross = setup.design.transpose() * setup.design + setup.precision;
  setup.cross_inverse = setup.cross.llt().solve(Matrix::Identity(covariates, covariates));
  setup.cross_inverse = 0.5 * (setup.cross_inverse + setup.cross_inverse.transpose().eval());
  if (!(setup.cross_inverse.allFinite() && setup.cross_inverse.llt().info() == Eigen::Success))
    throw InvalidInput("covariates", -1,
                       "are collinear or of scales too far apart: the regression of the "
                       "rates on them has no solution");
  return setup;
}

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
  Setup setup = prepare(purchases, design, covariates, prior, execution);
  const std::int64_t parameters = 2 * covariates + 3;
  require_valid(options, parameters);
  setup.held = options.held;
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
