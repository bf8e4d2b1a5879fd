#include "tenure/clv/abe.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <numbers>

#include "abe_marginal.hpp"
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
    out[i] = possible ? value : -kInfinity;
  }
}

struct Setup {
  Columns design;
  Matrix mean, precision, scale;
  double degrees;
  Matrix cross;          ///< W'W + A
  Matrix cross_inverse;  ///< its inverse
  std::span<const double> held;
  const AbeMarginal* marginal = nullptr;  ///< where the population is drawn
  Vector mode;                            ///< of B and Gamma, in the coordinates of the walk
  Matrix spread;                          ///< about it: a covariance
};

struct Population {
  Matrix coefficients, root;
};

Population at(const Setup& setup, const Vector& point) {
  const Eigen::Index k = setup.design.cols();
  const double* l = point.data() + 2 * k;
  Matrix root(2, 2);
  root << std::exp(l[0]), 0.0, l[1], std::exp(l[2]);
  return {Eigen::Map<const Matrix>(point.data(), k, 2), root};
}

/// Log prior density of B and Gamma in the coordinates of the walk.
double log_prior(const Setup& setup, const Population& p) {
  const Matrix inverse = (p.root * p.root.transpose()).inverse();
  const Matrix off = p.coefficients - setup.mean;
  const Matrix squares = setup.scale + off.transpose() * setup.precision * off;
  const double first = std::log(p.root(0, 0)), second = std::log(p.root(1, 1));
  const double power = setup.degrees + 3.0 + static_cast<double>(setup.design.cols());
  return -power * (first + second) - 0.5 * (squares * inverse).trace() + 3.0 * first + 2.0 * second;
}

double log_posterior(const Setup& setup, const Vector& point, const Execution& execution) {
  const auto tail = point.tail(3);
  if (!(point.allFinite() && tail.cwiseAbs().maxCoeff() < 50.0)) return -kInfinity;
  const Population p = at(setup, point);
  const double value =
      setup.marginal->log_likelihood(p.coefficients, p.root, execution) + log_prior(setup, p);
  return std::isnan(value) ? -kInfinity : value;
}

/// Newton's steps by differences to the mode, damped where the density is not concave. What they
/// find only guides proposals: nothing needs it to be exact.
void find_mode(Setup& setup, const Execution& execution) {
  const Eigen::Index n = setup.mode.size();
  const auto f = [&](const Vector& point) { return log_posterior(setup, point, execution); };
  const double h = 0.02;
  double here = f(setup.mode);
  for (int turn = 0; turn < 15 && std::isfinite(here); ++turn) {
    Vector up(n), down(n), gradient(n);
    Matrix curvature(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
      up[i] = f(setup.mode + h * Vector::Unit(n, i));
      down[i] = f(setup.mode - h * Vector::Unit(n, i));
      gradient[i] = (up[i] - down[i]) / (2.0 * h);
      curvature(i, i) = -(up[i] - 2.0 * here + down[i]) / (h * h);
    }
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < i; ++j) {
        const double both = f(setup.mode + h * (Vector::Unit(n, i) + Vector::Unit(n, j)));
        curvature(i, j) = curvature(j, i) = -(both - up[i] - up[j] + here) / (h * h);
      }
    if (!(gradient.allFinite() && curvature.allFinite())) return;
    const Eigen::SelfAdjointEigenSolver<Matrix> e(curvature);
    const Vector values = e.eigenvalues().cwiseAbs().cwiseMax(1.0);
    setup.spread =
        e.eigenvectors() * values.cwiseInverse().asDiagonal() * e.eigenvectors().transpose();
    Vector step = setup.spread * gradient;
    if (step.norm() > 1.0) step /= step.norm();
    const double expected = gradient.dot(step);
    double next = f(setup.mode + step);
    for (int half = 0; half < 20 && !(next >= here); ++half) next = f(setup.mode + (step *= 0.5));
    if (!(next >= here)) return;
    setup.mode += step;
    here = next;
    if (expected < 0.01) return;
  }
}

class LogNormalRates {
 public:
  static constexpr std::size_t kRates = 2;
  static constexpr int kSteps = 4;
  static constexpr bool kMarginal = true;

  LogNormalRates(const Setup& setup, const Histories& histories, RandomStream& random,
                 Positions<2>& positions, const Execution& execution)
      : setup_(setup),
        histories_(histories),
        covariates_(setup.design.cols()),
        means_{Buffer<double>(histories.rows), Buffer<double>(histories.rows)},
        guess_(histories.rows),
        walk_(setup.spread),
        jump_(setup.mode, setup.spread) {
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
      for (int tries = 0; tries < 100; ++tries) {
        point_ = jump_.propose(random);
        value_ = log_posterior(setup, point_, execution);
        if (std::isfinite(value_)) break;
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
    const double uniform = random.uniform(), value = log_posterior(setup_, there, execution);
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
  double log_likelihood_of_all() const { return value_ - log_prior(setup_, at(setup_, point_)); }

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
    const Population p = at(setup_, point_);
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
          setup_.design * coefficients_.col(r);
  }

  const Setup& setup_;
  const Histories& histories_;
  Eigen::Index covariates_;
  std::array<Buffer<double>, 2> means_;  ///< B'w
  Buffer<double> guess_;                 ///< of log lambda from the purchases alone
  optim::AdaptiveWalk walk_;
  optim::AdaptiveJump jump_;
  Vector point_;        ///< B, column by column, log l_11, l_21, log l_22, with Gamma = l l'
  double value_ = 0.0;  ///< log posterior density of B and Gamma, up to a constant
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
              {},
              nullptr,
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

/// Where the search for the mode begins: a regression of rough rates.
void start(Setup& setup, const RepeatPurchases& purchases) {
  const Eigen::Index k = setup.design.cols(), rows = setup.design.rows();
  const double unit = Histories(purchases).mean_age;
  Matrix rough(rows, 2);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    rough(i, 0) = std::log((purchases.frequency[row] + 0.5) / (purchases.age[row] + unit));
    rough(i, 1) = -std::log(unit);
  }
  const Matrix products = setup.design.transpose() * rough + setup.precision * setup.mean;
  const Matrix best = setup.cross_inverse * products;
  setup.mode = Vector::Zero(2 * k + 3);
  setup.mode.head(2 * k) = best.reshaped();
  setup.spread = Matrix::Identity(2 * k + 3, 2 * k + 3) / (0.1 * static_cast<double>(rows) + 1.0);
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
  const AbeMarginal marginal(purchases, design.data(), covariates);
  setup.marginal = &marginal;
  start(setup, purchases);
  if (options.held.empty()) find_mode(setup, execution);
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
