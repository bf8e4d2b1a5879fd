#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "logistic_part.hpp"
#include "regression_step.hpp"
#include "tenure/churn/logistic.hpp"
#include "tenure/churn/logistic_likelihood.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kSubsample = 16;  // every so many rows
constexpr std::int64_t kSubsampleRows = 4096;

std::span<const double> as_span(const VectorXd& v) {
  return {v.data(), static_cast<std::size_t>(v.size())};
}

/// A point, penalty included.
struct State {
  double log_likelihood = -kInfinity, penalised = -kInfinity, least_margin = 0.0;
  VectorXd score;
  MatrixXd information;  ///< of the penalised likelihood; with Firth's penalty without its part
};

class Newton {
 public:
  Newton(const LogisticData& d, const LogisticSettings& s, const Execution& e)
      : d_(d), settings_(s), execution_(e), beta_(VectorXd::Zero(d.terms)) {
    for (std::int64_t j = 0; j < d.terms; ++j)
      if (s.held.empty() || !s.held[static_cast<std::size_t>(j)]) free_.push_back(j);
    plain_ = !s.firth && s.ridge.empty();
    holds_ = std::ssize(free_) < d.terms;
  }

  LogisticFit fit() {
    if (!(d_.event_weight > 0.0 && d_.event_weight < d_.total_weight))
      throw InvalidInput("y", -1, "must hold both classes (with a weight above 0)");
    begin();
    state_ = at(beta_);
    if (!std::isfinite(state_.log_likelihood))
      throw InvalidInput("offset", -1, "leaves no finite likelihood: see its range");
    out_.unidentified.assign(static_cast<std::size_t>(d_.terms * d_.terms), 0.0);
    if (settings_.ridge.empty() && !holds_ && !identified())
      return finish(LogisticStatus::unidentified);
    while (true) {
      if (plain_ && !holds_ && separates_completely()) return finish(out_.status);
      const VectorXd step = newton_step();
      const double gain = step.dot(state_.score);
      require_doubt(gain);
      if (is_small(step) || is_last(step)) {
        // A penalised step is a fixed point's: it shrinks by a factor, not by squares.
        if (!settings_.firth) {
          beta_ += step;
          state_.log_likelihood += 0.5 * gain;
          state_.penalised += 0.5 * gain;
        }
        return finish(LogisticStatus::converged);
      }
      if (holds_ && gain < 1e-13 * (1.0 + std::abs(state_.penalised)))
        return finish(LogisticStatus::converged);
      if (plain_ && !holds_ && gain < 1e-2 && separates_partly(step)) return finish(out_.status);
      if (out_.iterations >= settings_.max_iterations)
        return finish(LogisticStatus::max_iterations);
      if (!advance(corrected(step)) && !advance(bounded_step()))
        return finish(LogisticStatus::stalled);
    }
  }

 private:
  void begin() {
    if (!settings_.start.empty()) {
      std::ranges::copy(settings_.start, beta_.begin());
      return;
    }
    if (d_.intercept) beta_(0) = logistic_null(d_, execution_).intercept;
    if (d_.rows / kSubsample >= std::max(kSubsampleRows, 40 * d_.terms) && !settings_.firth)
      start_from_some();
  }

  /// A few steps on some of the rows: whatever they lead to is only a place to begin.
  void start_from_some() {
    const VectorXd null = beta_;
    const double tolerance = 0.1 / std::sqrt(static_cast<double>(d_.rows));
    some_ = detail::some_rows(d_, kSubsample, execution_);
    state_ = at_some(beta_, LogisticPass::information);
    for (int k = 0; k < 12 && std::isfinite(state_.penalised); ++k) {
      const VectorXd step = newton_step();
      const double size = step.cwiseAbs().maxCoeff();
      if (!(size < 10.0) || state_.least_margin > 0.0) break;
      if (size < tolerance) {
        begun_ = std::move(state_);
        return;
      }
      beta_ += step;
      State next = at_some(beta_, LogisticPass::information);
      if (!(next.penalised >= state_.penalised)) break;
      state_ = std::move(next);
    }
    some_.reset();
    beta_ = null;
  }

  State at(const VectorXd& beta) {
    State out = with_ridge(beta, 1.0,
                           logistic_at(d_, as_span(beta), LogisticPass::information, execution_));
    if (settings_.firth && std::isfinite(out.penalised)) penalise(beta, out);
    return out;
  }

  /// The same told by some of the rows, each for as many.
  State at_some(const VectorXd& beta, LogisticPass pass) {
    return with_ridge(beta, d_.total_weight / some_->total_weight,
                      logistic_at(*some_, as_span(beta), pass, execution_));
  }

  State with_ridge(const VectorXd& beta, double times, const LogisticPoint& point) const {
    const auto p = static_cast<Eigen::Index>(d_.terms);
    State out;
    out.log_likelihood = out.penalised = times * point.log_likelihood;
    out.least_margin = point.least_margin;
    out.score = times * Eigen::Map<const VectorXd>(point.score.data(), p);
    if (!point.information.empty())
      out.information = times * Eigen::Map<const MatrixXd>(point.information.data(), p, p);
    for (std::size_t j = 0; j < settings_.ridge.size(); ++j) {
      const auto i = static_cast<Eigen::Index>(j);
      const double r = settings_.ridge[j];
      out.penalised -= 0.5 * r * beta(i) * beta(i);
      out.score(i) -= r * beta(i);
      if (!point.information.empty()) out.information(i, i) += r;
    }
    return out;
  }

  /// The first step over all rows, bent by what some of them tell about how the score curves: all
  /// rows give score and information at the start, some of them the rest, which is small. So the
  /// step after it is the last.
  VectorXd corrected(const VectorXd& newton) {
    if (!some_ || !(newton.cwiseAbs().maxCoeff() < 0.3)) return newton;
    VectorXd step = newton;
    for (int k = 0; k < 2; ++k) {
      const VectorXd bent = at_some(beta_ + step, LogisticPass::score).score - begun_.score +
                            begun_.information * step;
      step = newton_step(state_.score + bent);
    }
    const double size = newton.cwiseAbs().maxCoeff();
    bending_ = (step - newton).cwiseAbs().maxCoeff() / (size * size);
    some_.reset();
    return step;
  }

  void penalise(const VectorXd& beta, State& state) {
    const Eigen::LLT<MatrixXd> root(state.information);
    if (root.info() != Eigen::Success) {
      state.penalised = -kInfinity;
      return;
    }
    state.penalised += root.matrixLLT().diagonal().array().log().sum();
    const MatrixXd inverse = root.solve(MatrixXd::Identity(d_.terms, d_.terms));
    const auto extra = logistic_firth_score(
        d_, as_span(beta), {inverse.data(), static_cast<std::size_t>(inverse.size())}, execution_);
    state.score += Eigen::Map<const VectorXd>(extra.data(), std::ssize(extra));
  }

  /// Offsets may leave nothing to learn from: outcomes that are all but certain, and come true.
  void require_doubt(double gain) const {
    const double usual = d_.event_weight * (1.0 - d_.event_weight / d_.total_weight);
    if (!d_.offset.empty() && !(gain > 1e-9 * usual) &&
        !(state_.information.diagonal().maxCoeff() > 1e-9 * usual))
      throw InvalidInput("offset", -1, "makes all outcomes certain before the fit: see its range");
  }

  /// The information where all is most uncertain, which no curvature exceeds.
  MatrixXd largest_information() const {
    LogisticData flat = d_;
    flat.offset.clear();
    const std::vector<double> zero(static_cast<std::size_t>(d_.terms), 0.0);
    const auto point = logistic_at(flat, zero, LogisticPass::information, execution_);
    const auto p = static_cast<Eigen::Index>(d_.terms);
    return Eigen::Map<const MatrixXd>(point.information.data(), p, p);
  }

  /// A step that raises the likelihood from wherever it starts: where the start is so far off that
  /// its curvature says nothing. [Bohning & Lindsay 1988, Ann. Inst. Statist. Math. 40:641-663]
  VectorXd bounded_step() const {
    MatrixXd bound = largest_information();
    for (std::size_t j = 0; j < settings_.ridge.size(); ++j)
      bound(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(j)) += settings_.ridge[j];
    VectorXd step = VectorXd::Zero(d_.terms);
    const VectorXd score = state_.score(free_);
    step(free_) = detail::newton_step(MatrixXd(bound(free_, free_)), score);
    return step;
  }

  bool identified() {
    // An offset may leave curvature in a few rows only, which says nothing about the columns.
    const MatrixXd information = d_.offset.empty() ? state_.information : largest_information();
    const MatrixXd loose =
        detail::unidentified_part(information, information.diagonal().maxCoeff());
    out_.unidentified.assign(loose.data(), loose.data() + loose.size());
    return !(loose.trace() > 0.0);
  }

  /// Relative to what is large: an outlier may scale a column so that its coefficient is 10^5.
  bool is_small(const VectorXd& step) const {
    return (step.cwiseAbs().array() < settings_.tolerance * beta_.cwiseAbs().array().max(1.0))
        .all();
  }

  /// Steps of Newton's method shrink by squares: the one after this is about the square of it times
  /// a factor, which is known from how much the first was bent; ten times as much is allowed for.
  /// Such a last step need not be looked at, and the information that it would renew is right to
  /// far less than its sampling error.
  bool is_last(const VectorXd& step) const {
    const double size = step.cwiseAbs().maxCoeff();
    return bending_ > 0.0 && size < 3e-5 && 10.0 * bending_ * size * size < settings_.tolerance;
  }

  VectorXd newton_step() const { return newton_step(state_.score); }

  VectorXd newton_step(const VectorXd& score) const {
    VectorXd step = VectorXd::Zero(d_.terms);
    if (free_.empty()) return step;
    if (!holds_) return detail::newton_step(state_.information, score);
    const MatrixXd information = state_.information(free_, free_);
    step(free_) = detail::newton_step(information, VectorXd(score(free_)));
    return step;
  }

  bool advance(const VectorXd& step) {
    ++out_.iterations;
    const double floor = state_.penalised - 1e-11 * (1.0 + std::abs(state_.penalised));
    double length = 1.0;
    for (int halving = 0; halving < 40; ++halving, length *= 0.5) {
      const VectorXd next = beta_ + length * step;
      State state = at(next);
      if (std::isfinite(state.penalised) && state.penalised >= floor) {
        beta_ = next;
        state_ = std::move(state);
        return true;
      }
    }
    return false;
  }

  bool separates_completely() {
    constexpr double kRounding = 1e-9;
    if (!(state_.least_margin > kRounding * (1.0 + beta_.cwiseAbs().sum()))) return false;
    return take(LogisticStatus::complete_separation, beta_, d_.rows);
  }

  /// A separating step tends to move what it separates by one unit of log-odds, and nothing else.
  bool separates_partly(const VectorXd& step) {
    const double size = step.cwiseAbs().maxCoeff();
    if (!(size > 0.0) || !step.allFinite()) return false;
    const auto first = logistic_margins(d_, as_span(step), 0.5, execution_);
    if (first.above == 0) return false;
    const auto p = static_cast<Eigen::Index>(d_.terms);
    const MatrixXd gram = Eigen::Map<const MatrixXd>(first.gram_below.data(), p, p);
    // A tight threshold: what is left must be zero to rounding in every row below.
    const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(gram);
    const double floor = 1e-13 * std::max(gram.trace(), static_cast<double>(first.above));
    VectorXd direction = VectorXd::Zero(p);
    for (Eigen::Index k = 0; k < p; ++k)
      if (eigen.eigenvalues()(k) <= floor)
        direction += eigen.eigenvectors().col(k) * eigen.eigenvectors().col(k).dot(step);
    const double largest = direction.cwiseAbs().maxCoeff();
    if (!(largest > 1e-3 * size)) return false;
    direction /= largest;
    const auto again = logistic_margins(d_, as_span(direction), 1e-6, execution_);
    if (!(again.above > 0 && again.least >= -1e-6 * again.most)) return false;
    return take(
        again.below == 0 ? LogisticStatus::complete_separation : LogisticStatus::quasi_separation,
        direction, again.above);
  }

  bool take(LogisticStatus status, const VectorXd& direction, std::int64_t separated) {
    const VectorXd unit = direction / direction.cwiseAbs().maxCoeff();
    out_.status = status;
    out_.direction.assign(unit.begin(), unit.end());
    out_.separated = separated;
    return true;
  }

  LogisticFit finish(LogisticStatus status) {
    const Eigen::Index p = d_.terms;
    out_.status = status;
    out_.beta.assign(beta_.begin(), beta_.end());
    out_.log_likelihood = state_.log_likelihood;
    out_.penalised = state_.penalised;
    out_.gradient_norm = 0.0;
    for (const auto j : free_)
      out_.gradient_norm =
          std::max(out_.gradient_norm, std::abs(state_.score(j)) / d_.total_weight);
    MatrixXd inverse = MatrixXd::Zero(p, p);
    if (status == LogisticStatus::converged || status == LogisticStatus::max_iterations) {
      const auto size = static_cast<Eigen::Index>(free_.size());
      const Eigen::LLT<MatrixXd> root(MatrixXd(state_.information(free_, free_)));
      inverse(free_, free_) = root.info() == Eigen::Success
                                  ? MatrixXd(root.solve(MatrixXd::Identity(size, size)))
                                  : MatrixXd::Constant(size, size, std::nan(""));
    } else {
      inverse.setConstant(std::nan(""));
    }
    out_.covariance.assign(inverse.data(), inverse.data() + inverse.size());
    return std::move(out_);
  }

  const LogisticData& d_;
  const LogisticSettings& settings_;
  const Execution& execution_;
  VectorXd beta_;
  std::vector<Eigen::Index> free_;
  bool plain_ = true, holds_ = false;
  State state_;
  std::shared_ptr<const LogisticData> some_;  ///< every so many rows; null: not begun there
  double bending_ = 0.0;                      ///< of Newton's step, over its square; 0: not known
  State begun_;                               ///< what they tell where the fit began
  LogisticFit out_;
};

}  // namespace

const char* logistic_status_name(LogisticStatus status) {
  switch (status) {
    case LogisticStatus::converged:
      return "converged";
    case LogisticStatus::max_iterations:
      return "max_iterations";
    case LogisticStatus::stalled:
      return "stalled";
    case LogisticStatus::complete_separation:
      return "complete_separation";
    case LogisticStatus::quasi_separation:
      return "quasi_separation";
    case LogisticStatus::unidentified:
      return "unidentified";
  }
  return "unknown";
}

LogisticFit fit_logistic(const LogisticData& data, const LogisticSettings& settings,
                         const Execution& execution) {
  return Newton(data, settings, execution).fit();
}

}  // namespace tenure::churn
