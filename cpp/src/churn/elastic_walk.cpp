#include "elastic_walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tenure::churn::detail {
namespace {

using Vector = std::vector<double>;

/// No step larger than this is taken without a look at the rows.
constexpr double kModelled = 1e-3;

double distance(const Vector& a, const Vector& b) {
  double largest = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) largest = std::max(largest, std::abs(a[j] - b[j]));
  return largest;
}

/// Rounding of an objective.
double noise(double value) { return 1e-13 * (1.0 + std::abs(value)); }

}  // namespace

std::vector<ElasticPoint> look_in_lanes(
    const std::vector<Vector>& at, double unit,
    const std::function<LaneValues(std::span<const double>)>& evaluate) {
  const std::size_t p = at.front().size();
  Vector beta(p * kPoints);
  for (std::size_t j = 0; j < p; ++j)
    for (std::size_t l = 0; l < kPoints; ++l)
      beta[j * kPoints + l] = at[std::min(l, at.size() - 1)][j];
  const LaneValues found = evaluate(beta);
  std::vector<ElasticPoint> out;
  for (std::size_t l = 0; l < at.size(); ++l) {
    Vector gradient(p);
    for (std::size_t j = 0; j < p; ++j) gradient[j] = -unit * found.score[j * kPoints + l];
    out.push_back({at[l], -unit * found.log_likelihood[l], std::move(gradient)});
  }
  return out;
}

/// A penalty on its way.
struct ElasticWalk::Pending {
  std::size_t k = 0;  ///< which penalty
  Vector beta;        ///< where it is to be looked at next
  double last = 0.0;  ///< size of the step that led there
  std::int64_t looks = 0;
  double objective = std::numeric_limits<double>::infinity();  ///< at the last look
};

ElasticWalk::ElasticWalk(SmoothLoss loss, ElasticPenalty penalty, Vector start, double tolerance,
                         std::int64_t max_looks, const Execution& execution)
    : loss_(std::move(loss)),
      penalty_(std::move(penalty)),
      tolerance_(tolerance),
      max_looks_(max_looks),
      execution_(execution),
      model_(penalty_, 1e-3 * tolerance) {
  anchor_.beta = std::move(start);
  renew();
}

std::vector<ElasticStop> ElasticWalk::follow(std::span<const double> penalties) {
  penalties_ = penalties;
  const std::size_t count = penalties.size();
  out_.assign(count, {});
  settled_.assign(count, 0);
  std::vector<Pending> pending;
  // As many penalties at once as the quadratic can tell.
  for (std::size_t next = 0, width = kPoints; next < count || !pending.empty();) {
    predict(pending, next, std::min(width, kPoints));
    if (pending.empty()) continue;
    const std::size_t trouble = round(pending);
    if (trouble < pending.size()) {
      // Those before it go on; those behind it were put where the same model put it.
      rescue(pending[trouble]);
      next = pending[trouble].k + 1;
      pending.resize(trouble);
      width = 0;
    }
    const auto done = static_cast<std::size_t>(
        std::erase_if(pending, [&](const Pending& at) { return settled_[at.k]; }));
    width = width > 0 ? std::max<std::size_t>(1, 2 * done) : 1;
  }
  return std::move(out_);
}

std::vector<ElasticPoint> ElasticWalk::look(const std::vector<Vector>& at) {
  looks_ += std::ssize(at);
  return loss_.look(at);
}

/// The Hessian of the model is the loss's at the anchor.
void ElasticWalk::renew() {
  Vector hessian;
  ++looks_;
  anchor_ = loss_.curve(anchor_.beta, hessian);
  // A column that the data say little of still has some curvature, or no step would end.
  for (std::size_t j = 0; j < loss_.terms; ++j) hessian[j * loss_.terms + j] += 1e-10 * loss_.unit;
  model_.renew(std::move(hessian));
}

/// Penalties to come join those that are pending, where the model at the anchor puts them. One that
/// it leaves at the anchor is done.
void ElasticWalk::predict(std::vector<Pending>& pending, std::size_t& next, std::size_t width) {
  Vector start = anchor_.beta;
  while (pending.size() < width && next < penalties_.size()) {
    start = model_.minimum(anchor_, penalties_[next], start, execution_);
    const double size = distance(start, anchor_.beta);
    if (pending.empty() && done(size, 0.0)) {
      out_[next] = {model_.at(anchor_, start), true};
      settled_[next] = 1;
    } else {
      pending.push_back({.k = next, .beta = start, .last = size});
    }
    ++next;
  }
}

/// One look at all that are pending, in the order of their penalties; each is settled or moves.
/// Returns the first that got no better, or their number.
std::size_t ElasticWalk::round(std::vector<Pending>& pending) {
  std::vector<Vector> at;
  for (const Pending& one : pending) at.push_back(one.beta);
  std::vector<ElasticPoint> seen = look(at);
  for (std::size_t l = 0; l < seen.size(); ++l) {
    Pending& one = pending[l];
    const double penalty = penalties_[one.k];
    const double value = objective(penalty, seen[l]);
    const double before = std::min(one.objective, objective(penalty, anchor_));
    ++one.looks;
    if (!(value <= before + noise(before))) return l;
    model_.learn(anchor_, seen[l]);
    anchor_ = std::move(seen[l]);
    Vector to = model_.minimum(anchor_, penalty, anchor_.beta, execution_);
    const double size = distance(to, anchor_.beta);
    if (done(size, one.last)) {
      out_[one.k] = {model_.at(anchor_, std::move(to)), true};
      settled_[one.k] = 1;
      continue;
    }
    if (one.looks >= max_looks_ || (one.looks > 2 && size > 0.5 * one.last)) return l;
    one.beta = std::move(to);
    one.last = size;
    one.objective = value;
  }
  return pending.size();
}

/// Steps shrink by a factor: what is left after this one is about that factor times it.
bool ElasticWalk::done(double size, double last) const {
  const double left = last > 0.0 ? size * std::min(1.0, size / last) : size;
  return left < tolerance_ && size < kModelled;
}

/// One penalty from the anchor, with the Hessian there: eight lengths of each step are looked at
/// together.
void ElasticWalk::rescue(const Pending& one) {
  const double penalty = penalties_[one.k];
  double last = 0.0;
  settled_[one.k] = 1;
  renew();
  for (std::int64_t look_at = one.looks; look_at <= max_looks_; ++look_at) {
    const Vector to = model_.minimum(anchor_, penalty, anchor_.beta, execution_);
    const double size = distance(to, anchor_.beta);
    if (done(size, last)) {
      out_[one.k] = {model_.at(anchor_, to), true};
      return;
    }
    if (look_at == max_looks_ || !advance(penalty, to)) break;
    if (last > 0.0 && size > 0.5 * last) renew();
    last = size;
  }
  out_[one.k] = {anchor_, false};
}

/// To the best of eight points on the way; false if none lowers the objective.
bool ElasticWalk::advance(double penalty, const Vector& to) {
  const double before = objective(penalty, anchor_);
  std::vector<Vector> at;
  for (double length = 1.0; at.size() < kPoints; length *= 0.25) {
    at.push_back(anchor_.beta);
    for (std::size_t j = 0; j < to.size(); ++j)
      at.back()[j] = length == 1.0 ? to[j] : at.back()[j] + length * (to[j] - at.back()[j]);
  }
  std::vector<ElasticPoint> seen = look(at);
  // Of steps that are equally good the longest.
  std::size_t best = kPoints;
  double least = before + noise(before);
  for (std::size_t l = 0; l < kPoints; ++l) {
    const double value = objective(penalty, seen[l]);
    if (value <= least - (best < kPoints ? noise(least) : 0.0)) {
      least = value;
      best = l;
    }
  }
  if (best == kPoints) return false;
  model_.learn(anchor_, seen[best]);
  anchor_ = std::move(seen[best]);
  return true;
}

}  // namespace tenure::churn::detail
