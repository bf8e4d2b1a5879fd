#include "tenure/churn/cox_net.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cox_net_model.hpp"
#include "cox_points.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Vector = std::vector<double>;
using detail::CoxNetPoint;

constexpr auto kLanes = static_cast<std::size_t>(detail::kLanes);

/// No step larger than this is taken without a look at the rows.
constexpr double kModelled = 1e-3;

double distance(const Vector& a, const Vector& b) {
  double largest = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) largest = std::max(largest, std::abs(a[j] - b[j]));
  return largest;
}

/// A penalty on its way.
struct Pending {
  std::size_t k = 0;  ///< which penalty
  Vector beta;        ///< where it is to be looked at next
  double last = 0.0;  ///< size of the step that led there
  std::int64_t looks = 0;
  double objective = std::numeric_limits<double>::infinity();  ///< at the last look
};

class Path {
 public:
  Path(const CoxData& d, const CoxNetSettings& s, const Execution& e)
      : settings_(s),
        execution_(e),
        likelihood_(d, s.ties),
        points_(d, s.ties),
        p_(static_cast<std::size_t>(d.columns)),
        model_(s, p_) {
    double churned = 0.0;
    for (const double w : d.death_weight) churned += w;
    if (!(churned > 0.0))
      throw InvalidInput("churned", -1, "nobody churned: a hazard cannot be compared");
    unit_ = 1.0 / d.total_weight;
  }

  CoxNetPath walk() {
    anchor_ = look({Vector(p_, 0.0)}).front();
    out_.null_log_likelihood = -anchor_.loss / unit_;
    if (!std::isfinite(anchor_.loss))
      throw InvalidInput("offset", -1, "the offset leaves no finite likelihood: see its range");
    renew();
    out_.penalty = path();
    const std::size_t count = out_.penalty.size();
    out_.beta.resize(count * p_);
    out_.log_likelihood.resize(count);
    out_.converged.resize(count);
    std::vector<Pending> pending;
    // As many penalties at once as the quadratic can tell.
    for (std::size_t next = 0, width = kLanes; next < count || !pending.empty();) {
      predict(pending, next, std::min(width, kLanes));
      const std::size_t trouble = round(pending);
      if (trouble < pending.size()) {
        // Those before it go on; those behind it were put where the same model put it.
        rescue(pending[trouble]);
        next = pending[trouble].k + 1;
        pending.resize(trouble);
        width = 0;
      }
      const auto done = static_cast<std::size_t>(
          std::erase_if(pending, [&](const Pending& at) { return out_.converged[at.k]; }));
      width = width > 0 ? std::max<std::size_t>(1, 2 * done) : 1;
    }
    return std::move(out_);
  }

 private:
  /// Losses and gradients at up to eight points.
  std::vector<CoxNetPoint> look(const std::vector<Vector>& at) {
    Vector beta(p_ * kLanes);
    for (std::size_t j = 0; j < p_; ++j)
      for (std::size_t l = 0; l < kLanes; ++l)
        beta[j * kLanes + l] = at[std::min(l, at.size() - 1)][j];
    const auto found = points_.evaluate(beta, execution_);
    out_.evaluations += std::ssize(at);
    std::vector<CoxNetPoint> out;
    for (std::size_t l = 0; l < at.size(); ++l) {
      Vector gradient(p_);
      for (std::size_t j = 0; j < p_; ++j) gradient[j] = -unit_ * found.score[j * kLanes + l];
      out.push_back({at[l], -unit_ * found.log_likelihood[l], std::move(gradient)});
    }
    return out;
  }

  /// The Hessian of the model is the information at the anchor.
  void renew() {
    likelihood_.move(anchor_.beta, execution_);
    Vector hessian = likelihood_.point(execution_).information;
    for (double& h : hessian) h *= unit_;
    // A column that the data say little of still has some curvature, or no step would end.
    for (std::size_t j = 0; j < p_; ++j) hessian[j * p_ + j] += 1e-10 * unit_;
    model_.renew(std::move(hessian));
  }

  Vector path() const {
    if (!settings_.penalty.empty()) return {settings_.penalty.begin(), settings_.penalty.end()};
    double largest = 0.0;
    const double share = std::max(settings_.l1_ratio, 1e-3);
    for (std::size_t j = 0; j < p_; ++j)
      if (settings_.lasso[j] > 0.0)
        largest = std::max(largest, std::abs(anchor_.gradient[j]) / settings_.lasso[j] / share);
    Vector penalties;
    const auto count = settings_.penalties;
    for (std::int64_t k = 0; k < count; ++k)
      penalties.push_back(
          largest *
          std::pow(settings_.least,
                   count > 1 ? static_cast<double>(k) / static_cast<double>(count - 1) : 0.0));
    return penalties;
  }

  /// Penalties to come join those that are pending, where the model at the anchor puts them.
  void predict(std::vector<Pending>& pending, std::size_t& next, std::size_t width) {
    Vector start = anchor_.beta;
    while (pending.size() < width && next < out_.penalty.size()) {
      start = model_.minimum(anchor_, out_.penalty[next], start, execution_);
      pending.push_back({.k = next, .beta = start, .last = distance(start, anchor_.beta)});
      ++next;
    }
  }

  /// One look at all that are pending, in the order of their penalties; each is settled or moves.
  /// Returns the first that got no better, or their number.
  std::size_t round(std::vector<Pending>& pending) {
    std::vector<Vector> at;
    for (const Pending& one : pending) at.push_back(one.beta);
    std::vector<CoxNetPoint> seen = look(at);
    for (std::size_t l = 0; l < seen.size(); ++l) {
      Pending& one = pending[l];
      const double penalty = out_.penalty[one.k];
      const double objective = seen[l].loss + model_.penalty(penalty, one.beta);
      const double before =
          std::min(one.objective, anchor_.loss + model_.penalty(penalty, anchor_.beta));
      ++one.looks;
      if (!(objective <= before + noise(before))) return l;
      model_.learn(anchor_, seen[l]);
      anchor_ = std::move(seen[l]);
      Vector to = model_.minimum(anchor_, penalty, anchor_.beta, execution_);
      const double size = distance(to, anchor_.beta);
      if (done(size, one.last)) {
        settle(one.k, model_.at(anchor_, std::move(to)), true);
        continue;
      }
      if (one.looks >= settings_.max_iterations || (one.looks > 2 && size > 0.5 * one.last))
        return l;
      one.beta = std::move(to);
      one.last = size;
      one.objective = objective;
    }
    return pending.size();
  }

  /// Steps shrink by a factor: what is left after this one is about that factor times it.
  bool done(double size, double last) const {
    const double left = last > 0.0 ? size * std::min(1.0, size / last) : size;
    return left < settings_.tolerance && size < kModelled;
  }

  static double noise(double value) { return 1e-13 * (1.0 + std::abs(value)); }

  void settle(std::size_t k, const CoxNetPoint& at, bool converged) {
    std::ranges::copy(at.beta, out_.beta.begin() + static_cast<std::ptrdiff_t>(k * p_));
    out_.log_likelihood[k] = -at.loss / unit_;
    out_.converged[k] = converged;
  }

  /// One penalty from the anchor, with the information at hand: eight lengths of each step are
  /// looked at together.
  void rescue(const Pending& one) {
    const double penalty = out_.penalty[one.k];
    double last = 0.0;
    renew();
    for (std::int64_t look_at = one.looks; look_at <= settings_.max_iterations; ++look_at) {
      const Vector to = model_.minimum(anchor_, penalty, anchor_.beta, execution_);
      const double size = distance(to, anchor_.beta);
      if (done(size, last)) return settle(one.k, model_.at(anchor_, to), true);
      if (look_at == settings_.max_iterations || !advance(penalty, to)) break;
      if (last > 0.0 && size > 0.5 * last) renew();
      last = size;
    }
    settle(one.k, anchor_, false);
  }

  /// To the best of eight points on the way; false if none lowers the objective.
  bool advance(double penalty, const Vector& to) {
    const double before = anchor_.loss + model_.penalty(penalty, anchor_.beta);
    std::vector<Vector> at;
    for (double length = 1.0; at.size() < kLanes; length *= 0.25) {
      at.push_back(anchor_.beta);
      for (std::size_t j = 0; j < p_; ++j)
        at.back()[j] = length == 1.0 ? to[j] : at.back()[j] + length * (to[j] - at.back()[j]);
    }
    std::vector<CoxNetPoint> seen = look(at);
    // Of steps that are equally good the longest.
    std::size_t best = kLanes;
    double least = before + noise(before);
    for (std::size_t l = 0; l < kLanes; ++l) {
      const double objective = seen[l].loss + model_.penalty(penalty, seen[l].beta);
      if (objective <= least - (best < kLanes ? noise(least) : 0.0)) {
        least = objective;
        best = l;
      }
    }
    if (best == kLanes) return false;
    model_.learn(anchor_, seen[best]);
    anchor_ = std::move(seen[best]);
    return true;
  }

  const CoxNetSettings& settings_;
  const Execution& execution_;
  CoxLikelihood likelihood_;
  detail::CoxPoints points_;
  std::size_t p_;
  detail::CoxNetModel model_;
  double unit_ = 1.0;
  CoxNetPoint anchor_;  ///< looked at last
  CoxNetPath out_;
};

}  // namespace

CoxNetPath cox_net(const CoxData& data, const CoxNetSettings& settings,
                   const Execution& execution) {
  return Path(data, settings, execution).walk();
}

}  // namespace tenure::churn
