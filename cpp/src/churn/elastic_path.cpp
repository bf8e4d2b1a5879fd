#include "elastic_path.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

namespace tenure::churn::detail {
namespace {

using Vector = std::vector<double>;

/// So few terms are all solved for: a Hessian of them costs less than the looks at the others.
constexpr std::size_t kFew = 64;

class Path {
 public:
  Path(const SmoothLoss& loss, const ElasticNetSettings& s, const Execution& e)
      : loss_(loss), settings_(s), execution_(e), p_(loss.terms) {
    for (std::size_t j = 0; j < p_; ++j) {
      penalty_.lasso.push_back(s.l1_ratio * s.lasso[j]);
      penalty_.ridge.push_back((1.0 - s.l1_ratio) * s.ridge[j]);
    }
  }

  ElasticNetPath walk(const Vector& start) {
    in_.assign(p_, 1);
    const bool few = p_ <= kFew || !settings_.screen || !(settings_.l1_ratio > 0.0);
    if (few) {
      enter(start);
      here_ = walk_->here();
    } else {
      for (std::size_t j = 0; j < p_; ++j) in_[j] = start[j] != 0.0 || penalty_.lasso[j] == 0.0;
      here_ = std::move(loss_.look({start}).front());
      ++out_.evaluations;
    }
    out_.start_log_likelihood = -here_.loss / loss_.unit;
    out_.penalty = settings_.penalty.empty() ? made() : settings_.penalty;
    // Above it nothing is penalised away from 0.
    double before = largest(settings_.l1_ratio);
    for (std::size_t k = 0; k < out_.penalty.size();) {
      const std::size_t count = everything() ? out_.penalty.size() - k : together(k, before);
      const auto penalties = std::span<const double>(out_.penalty).subspan(k, count);
      if (!everything()) admit(penalties.back(), before);
      auto stops = walk_->follow(penalties);
      const std::size_t kept = everything() ? count : check(stops, penalties);
      for (std::size_t l = 0; l < kept; ++l) keep(stops[l]);
      k += kept;
      if (k > 0) before = std::min(before, out_.penalty[k - 1]);
    }
    if (walk_) out_.evaluations += walk_->looks();
    return std::move(out_);
  }

 private:
  bool everything() const { return terms_.size() == p_; }

  /// How many penalties the rule may serve at once: it says nothing of a penalty half that before.
  std::size_t together(std::size_t k, double before) const {
    std::size_t count = 1;
    while (count < kPoints && k + count < out_.penalty.size() &&
           out_.penalty[k + count] >= 0.75 * before)
      ++count;
    return count;
  }

  /// The least penalty at which all that is penalised is 0, where that is so.
  double largest(double share) const {
    double found = 0.0;
    for (std::size_t j = 0; j < p_; ++j)
      if (settings_.lasso[j] > 0.0)
        found = std::max(found, std::abs(here_.gradient[j]) / settings_.lasso[j] / share);
    return found;
  }

  Vector made() const {
    // A little above, so that the rounding of products leaves at 0 what is 0.
    const double first = (1.0 + 1e-15) * largest(std::max(settings_.l1_ratio, 1e-3));
    const auto count = settings_.penalties;
    Vector penalties;
    for (std::int64_t k = 0; k < count; ++k)
      penalties.push_back(
          first *
          std::pow(settings_.least,
                   count > 1 ? static_cast<double>(k) / static_cast<double>(count - 1) : 0.0));
    return penalties;
  }

  /// A regression of the terms that are in begins at a point.
  void enter(const Vector& at) {
    if (walk_) out_.evaluations += walk_->looks();
    terms_.clear();
    for (std::size_t j = 0; j < p_; ++j)
      if (in_[j]) terms_.push_back(j);
    out_.widest = std::max(out_.widest, std::ssize(terms_));
    walk_ = std::make_unique<ElasticWalk>(
        everything() ? loss_ : loss_.of(terms_),
        ElasticPenalty{some(penalty_.lasso), some(penalty_.ridge)}, some(at), settings_.tolerance,
        settings_.max_iterations, execution_);
  }

  Vector some(const Vector& of) const {
    Vector out;
    for (const std::size_t j : terms_) out.push_back(of[j]);
    return out;
  }

  Vector whole(const Vector& beta) const {
    Vector out(p_, 0.0);
    for (std::size_t t = 0; t < terms_.size(); ++t) out[terms_[t]] = beta[t];
    return out;
  }

  /// Terms that the strong rule does not put at 0 down to `penalty` come in, and with them those
  /// that are next: a regression that doubles each time begins seldom. Where the step is so wide
  /// that the rule would let in all, half the penalty is the bound.
  void admit(double penalty, double before) {
    const auto bound = [&](std::size_t j) {
      return std::abs(here_.gradient[j]) / penalty_.lasso[j];
    };
    const double least = std::max(2.0 * penalty - before, 0.5 * penalty);
    bool grown = walk_ == nullptr;
    for (std::size_t j = 0; j < p_; ++j)
      if (!in_[j] && bound(j) >= least) {
        in_[j] = 1;
        grown = true;
      }
    if (!grown) return;
    const auto size = static_cast<std::size_t>(std::ranges::count(in_, 1));
    std::size_t wanted = std::max({kFew, 2 * terms_.size(), size});
    if (2 * wanted > p_) wanted = p_;
    std::vector<std::size_t> next;
    for (std::size_t j = 0; j < p_; ++j)
      if (!in_[j]) next.push_back(j);
    const auto more = static_cast<std::ptrdiff_t>(std::min(wanted - size, next.size()));
    std::ranges::partial_sort(next, next.begin() + more, [&](std::size_t a, std::size_t b) {
      return bound(a) > bound(b) || (bound(a) == bound(b) && a < b);
    });
    for (std::ptrdiff_t i = 0; i < more; ++i) in_[next[static_cast<std::size_t>(i)]] = 1;
    enter(here_.beta);
  }

  /// How many of the penalties have their minimum at 0 in all terms that are out. Moves there.
  std::size_t check(const std::vector<ElasticStop>& stops, std::span<const double> penalties) {
    std::vector<Vector> at;
    for (const ElasticStop& stop : stops) at.push_back(whole(stop.at.beta));
    std::vector<ElasticPoint> seen = loss_.look(at);
    out_.evaluations += std::ssize(seen);
    for (std::size_t l = 0; l < seen.size(); ++l) {
      bool broken = false;
      for (std::size_t j = 0; j < p_; ++j)
        if (!in_[j] && std::abs(seen[l].gradient[j]) > penalty_.lasso[j] * penalties[l]) {
          in_[j] = 1;
          broken = true;
        }
      if (broken) {
        enter(here_.beta);
        return l;
      }
      here_ = std::move(seen[l]);
    }
    return seen.size();
  }

  void keep(const ElasticStop& stop) {
    const Vector beta = whole(stop.at.beta);
    out_.beta.insert(out_.beta.end(), beta.begin(), beta.end());
    out_.log_likelihood.push_back(-stop.at.loss / loss_.unit);
    out_.converged.push_back(stop.converged);
  }

  const SmoothLoss& loss_;
  const ElasticNetSettings& settings_;
  const Execution& execution_;
  std::size_t p_;
  ElasticPenalty penalty_;
  std::vector<std::uint8_t> in_;    ///< by term: solved for
  std::vector<std::size_t> terms_;  ///< those
  std::unique_ptr<ElasticWalk> walk_;
  ElasticPoint here_;  ///< of all terms: the last minimum that was checked
  ElasticNetPath out_;
};

}  // namespace

ElasticNetPath elastic_path(const SmoothLoss& loss, const Vector& start,
                            const ElasticNetSettings& settings, const Execution& execution) {
  return Path(loss, settings, execution).walk(start);
}

}  // namespace tenure::churn::detail
