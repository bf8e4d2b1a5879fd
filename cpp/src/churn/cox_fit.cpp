#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <queue>

#include "cox_firth.hpp"
#include "cox_kernels.hpp"
#include "cox_slots.hpp"
#include "regression_step.hpp"
#include "tenure/churn/cox.hpp"
#include "tenure/churn/cox_exact.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using Matrix =
    Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

VectorXd as_vector(std::span<const double> v) {
  return Eigen::Map<const VectorXd>(v.data(), std::ssize(v));
}
MatrixXd as_matrix(std::span<const double> m, std::int64_t p) { return Matrix(m.data(), p, p); }

/// A point of any of the likelihoods, penalty included.
struct State {
  double penalised = -std::numeric_limits<double>::infinity();
  double log_likelihood = penalised;
  VectorXd score;
  MatrixXd information;
};

class Objective {
 public:
  Objective(const CoxData& d, const CoxSettings& s, const Execution& e)
      : d_(d),
        settings_(s),
        execution_(e),
        likelihood_(d, s.ties == CoxMethod::breslow ? Ties::breslow : Ties::efron) {}

  /// Value alone where the likelihood is no better than `than`: the rest would be thrown away.
  State at(const VectorXd& beta, double than) {
    const std::span<const double> b(beta.data(), static_cast<std::size_t>(beta.size()));
    State out;
    CoxPoint point;
    if (settings_.ties == CoxMethod::exact) {
      point = exact_cox(d_, b, execution_);
      out.log_likelihood = out.penalised = point.log_likelihood;
    } else {
      out.log_likelihood = out.penalised = likelihood_.move(b, execution_);
      if (!std::isfinite(out.penalised) || (!settings_.firth && !(out.penalised >= than)))
        return out;
      point = likelihood_.point(execution_);
    }
    out.score = as_vector(point.score);
    out.information = as_matrix(point.information, d_.columns);
    if (settings_.firth) penalise(out);
    return out;
  }

 private:
  void penalise(State& state) {
    const Eigen::LLT<MatrixXd> root(state.information);
    if (root.info() != Eigen::Success) {
      state.penalised = -std::numeric_limits<double>::infinity();
      return;
    }
    state.penalised += root.matrixLLT().diagonal().array().log().sum();
    const MatrixXd inverse = root.solve(MatrixXd::Identity(d_.columns, d_.columns));
    const auto extra = detail::firth_score(
        likelihood_, {inverse.data(), static_cast<std::size_t>(inverse.size())}, execution_);
    state.score += as_vector(extra);
  }

  const CoxData& d_;
  const CoxSettings& settings_;
  const Execution& execution_;
  CoxLikelihood likelihood_;
};

/// Whether, at each time, all who churn have the largest x'direction of those at risk (exact ties:
/// no smaller one than anybody who stays), within a small part of its range.
bool recedes(const CoxData& d, const VectorXd& direction, CoxMethod ties) {
  constexpr double kTolerance = 1e-4;
  std::vector<double> b(static_cast<std::size_t>(d.stride), 0.0);
  std::copy(direction.begin(), direction.end(), b.begin());
  std::vector<double> s(static_cast<std::size_t>(d.rows()), 0.0);
  detail::add_products(d.x.data(), d.rows(), d.stride, b.data(), s.data());
  const auto [low, high] = std::ranges::minmax(s);
  const double slack = kTolerance * (high - low);

  using Entry = std::pair<double, std::int64_t>;  // value, slot at which it leaves
  std::priority_queue<Entry> at_risk;
  for (std::int64_t g = 0; g < d.slots(); ++g) {
    const auto slot = static_cast<std::size_t>(g);
    if (detail::starts_stratum(d, g)) at_risk = {};
    const std::int64_t last = d.row_begin[slot + 1], own = last - d.deaths[slot];
    double least = std::numeric_limits<double>::infinity();
    for (std::int64_t i = own; i < last; ++i)
      least = std::min(least, s[static_cast<std::size_t>(i)]);
    const std::int64_t others = ties == CoxMethod::exact ? own : last;
    for (std::int64_t i = d.row_begin[slot]; i < others; ++i)
      at_risk.emplace(s[static_cast<std::size_t>(i)], d.last[static_cast<std::size_t>(i)]);
    while (!at_risk.empty() && at_risk.top().second <= g) at_risk.pop();
    if (d.deaths[slot] > 0 && !at_risk.empty() && at_risk.top().first > least + slack) return false;
    for (std::int64_t i = others; i < last; ++i)
      at_risk.emplace(s[static_cast<std::size_t>(i)], d.last[static_cast<std::size_t>(i)]);
  }
  return true;
}

/// Largest change of a linear predictor that a step makes.
double reach(const CoxData& d, const VectorXd& step) {
  double widest = 0.0;
  for (Eigen::Index j = 0; j < step.size(); ++j) {
    const auto c = static_cast<std::size_t>(j);
    widest = std::max(widest, std::abs(step(j)) * (d.most[c] - d.least[c]) / d.scale[c]);
  }
  return widest;
}

class Newton {
 public:
  Newton(const CoxData& d, const CoxSettings& s, const Execution& e)
      : d_(d), settings_(s), objective_(d, s, e), beta_(VectorXd::Zero(d.columns)) {
    for (const double w : d.death_weight) churned_ += w;
  }

  CoxFit fit() {
    if (!(churned_ > 0.0))
      throw InvalidInput("churned", -1, "nobody churned: a hazard cannot be compared");
    state_ = objective_.at(beta_, -std::numeric_limits<double>::infinity());
    out_.null_log_likelihood = state_.log_likelihood;
    out_.null_penalised = state_.penalised;
    if (!std::isfinite(state_.log_likelihood))
      throw InvalidInput("offset", -1, "the offset leaves no finite likelihood: see its range");
    const MatrixXd loose = detail::unidentified_part(state_.information, churned_);
    out_.unidentified.assign(loose.data(), loose.data() + loose.size());
    if (loose.trace() > 0.0) return finish(CoxStatus::unidentified);
    VectorXd step = detail::newton_step(state_.information, state_.score);
    out_.score_test = state_.score.dot(step);
    while (true) {
      // A penalised step is a fixed point's: it shrinks by a factor, not by squares.
      if (step.cwiseAbs().maxCoeff() < settings_.tolerance) {
        if (!settings_.firth) beta_ += step;
        return finish(CoxStatus::converged);
      }
      if (out_.iterations >= settings_.max_iterations) return finish(CoxStatus::max_iterations);
      if (!advance(step)) return finish(CoxStatus::stalled);
      step = detail::newton_step(state_.information, state_.score);
      if (!settings_.firth && state_.score.dot(step) < 1e-2 && reach(d_, step) > 0.05 &&
          is_recession(step))
        return finish(CoxStatus::monotone);
    }
  }

 private:
  bool advance(const VectorXd& step) {
    ++out_.iterations;
    const double floor = state_.penalised - 1e-11 * (1.0 + std::abs(state_.penalised));
    double length = 1.0;
    for (int halving = 0; halving < 40; ++halving, length *= 0.5) {
      const VectorXd next = beta_ + length * step;
      State state = objective_.at(next, floor);
      if (std::isfinite(state.penalised) && state.penalised >= floor) {
        beta_ = next;
        state_ = std::move(state);
        return true;
      }
    }
    return false;
  }

  bool is_recession(VectorXd step) {
    // What the other coefficients still have to go is noise beside the direction.
    step /= step.cwiseAbs().maxCoeff();
    for (double& c : step)
      if (std::abs(c) < 1e-4) c = 0.0;
    if (!recedes(d_, step, settings_.ties)) return false;
    out_.direction.assign(step.begin(), step.end());
    return true;
  }

  CoxFit finish(CoxStatus status) {
    const Eigen::Index p = d_.columns;
    out_.status = status;
    out_.beta.assign(beta_.begin(), beta_.end());
    out_.log_likelihood = state_.log_likelihood;
    out_.penalised = state_.penalised;
    out_.gradient_norm = state_.score.cwiseAbs().maxCoeff() / churned_;
    const Eigen::LLT<MatrixXd> root(state_.information);
    MatrixXd inverse = MatrixXd::Constant(p, p, std::numeric_limits<double>::quiet_NaN());
    if (status != CoxStatus::unidentified && root.info() == Eigen::Success)
      inverse = root.solve(MatrixXd::Identity(p, p));
    out_.covariance.assign(inverse.data(), inverse.data() + inverse.size());
    return std::move(out_);
  }

  const CoxData& d_;
  const CoxSettings& settings_;
  Objective objective_;
  VectorXd beta_;
  State state_;
  double churned_ = 0.0;
  CoxFit out_;
};

}  // namespace

const char* cox_status_name(CoxStatus status) {
  switch (status) {
    case CoxStatus::converged:
      return "converged";
    case CoxStatus::max_iterations:
      return "max_iterations";
    case CoxStatus::stalled:
      return "stalled";
    case CoxStatus::monotone:
      return "monotone_likelihood";
    case CoxStatus::unidentified:
      return "unidentified";
  }
  return "unknown";
}

CoxFit fit_cox(const CoxData& data, const CoxSettings& settings, const Execution& execution) {
  return Newton(data, settings, execution).fit();
}

}  // namespace tenure::churn
