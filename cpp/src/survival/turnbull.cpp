#include "tenure/survival/turnbull.hpp"

#include <Eigen/SparseCholesky>
#include <Eigen/SparseCore>
#include <algorithm>
#include <cmath>
#include <compare>
#include <utility>

#include "tenure/support/errors.hpp"

namespace tenure::survival {
namespace {

constexpr std::size_t kPollRows = 65'536;
constexpr std::size_t kNewtonSupport = 5000;

double weight_of(const IntervalSample& s, std::size_t i) { return s.weight ? (*s.weight)[i] : 1.0; }

void require_valid(const IntervalSample& s, const Execution& execution) {
  const std::size_t n = s.lower.size();
  if (n == 0) throw InvalidInput("lower", -1, 0.0, "non-empty");
  if (s.upper.size() != n)
    throw InvalidInput("upper", -1, static_cast<double>(s.upper.size()), "as long as lower");
  if (s.weight && s.weight->size() != n)
    throw InvalidInput("sample_weight", -1, static_cast<double>(s.weight->size()),
                       "as long as lower");
  double total = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % kPollRows == 0) execution.poll();
    const auto row = static_cast<std::int64_t>(i);
    if (!(std::isfinite(s.lower[i]) && s.lower[i] >= 0.0))
      throw InvalidInput("lower", row, s.lower[i], "finite and >= 0");
    if (!(s.upper[i] >= s.lower[i])) throw InvalidInput("upper", row, s.upper[i], ">= lower");
    const double w = weight_of(s, i);
    if (!(std::isfinite(w) && w >= 0.0))
      throw InvalidInput("sample_weight", row, w, "finite and >= 0");
    total += w;
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput("sample_weight", -1, total, "positive and finite in sum");
}

/// An end of an interval on the line, on which the point t comes after all that begins at t exactly
/// and before all that begins after t.
struct End {
  double time;
  enum Side : std::uint8_t { begins_at, ends_at, begins_after } side;
  auto operator<=>(const End&) const = default;
};

End begin_of(const IntervalSample& s, std::size_t i) {
  return {s.lower[i], s.lower[i] == s.upper[i] ? End::begins_at : End::begins_after};
}
End end_of(const IntervalSample& s, std::size_t i) { return {s.upper[i], End::ends_at}; }

/// Rows that span the same innermost intervals [first, last], with their weight.
struct Span {
  std::size_t first, last;
  double weight;
};

class Problem {
 public:
  Problem(const IntervalSample& s, const Execution& execution) {
    std::vector<End> ends;
    ends.reserve(2 * s.lower.size());
    for (std::size_t i = 0; i < s.lower.size(); ++i) {
      if (weight_of(s, i) == 0.0) continue;
      ends.push_back(begin_of(s, i));
      ends.push_back(end_of(s, i));
    }
    execution.poll();
    std::ranges::sort(ends);
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    // A beginning that is followed at once by an end.
    for (std::size_t k = 0; k + 1 < ends.size(); ++k)
      if (ends[k].side != End::ends_at && ends[k + 1].side == End::ends_at) {
        begin_.push_back(ends[k]);
        end_.push_back(ends[k + 1]);
      }
    for (std::size_t i = 0; i < s.lower.size(); ++i) {
      if (i % 1024 == 0) execution.poll();
      if (weight_of(s, i) == 0.0) continue;
      const auto first = std::ranges::lower_bound(begin_, begin_of(s, i)) - begin_.begin();
      const auto last = std::ranges::upper_bound(end_, end_of(s, i)) - end_.begin() - 1;
      spans_.push_back(
          {static_cast<std::size_t>(first), static_cast<std::size_t>(last), weight_of(s, i)});
      total_ += spans_.back().weight;
    }
    execution.poll();
    std::ranges::sort(spans_, {}, [](const Span& a) { return std::pair(a.first, a.last); });
    std::size_t kept = 0;
    for (std::size_t i = 1; i < spans_.size(); ++i) {
      if (spans_[i].first == spans_[kept].first && spans_[i].last == spans_[kept].last)
        spans_[kept].weight += spans_[i].weight;
      else
        spans_[++kept] = spans_[i];
    }
    spans_.resize(kept + 1);
  }

  std::size_t size() const { return begin_.size(); }
  double total() const { return total_; }
  const std::vector<Span>& spans() const { return spans_; }
  double left(std::size_t j) const { return begin_[j].time; }
  double right(std::size_t j) const { return end_[j].time; }

  /// P of every span, from masses: by differences of sums from the side where they are smaller.
  void probabilities(const std::vector<double>& mass, std::vector<double>& out) const {
    std::vector<double> below(mass.size() + 1), above(mass.size() + 1);
    for (std::size_t j = 0; j < mass.size(); ++j) below[j + 1] = below[j] + mass[j];
    for (std::size_t j = mass.size(); j-- > 0;) above[j] = above[j + 1] + mass[j];
    out.resize(spans_.size());
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const auto [first, last, weight] = spans_[i];
      if (last - first < 8) {
        double sum = 0.0;
        for (std::size_t j = first; j <= last; ++j) sum += mass[j];
        out[i] = sum;
      } else {
        out[i] = below[last + 1] <= above[first] ? below[last + 1] - below[first]
                                                 : above[first] - above[last + 1];
      }
    }
  }

  double log_likelihood(const std::vector<double>& p) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < spans_.size(); ++i) sum += spans_[i].weight * std::log(p[i]);
    return sum;
  }

  /// g_j = sum over spans that hold j of w / P.
  void gradient(const std::vector<double>& p, std::vector<double>& g) const {
    std::vector<double> starts(size()), stops(size());
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const double ratio = spans_[i].weight / p[i];
      starts[spans_[i].first] += ratio;
      stops[spans_[i].last] += ratio;
    }
    g.resize(size());
    double open = 0.0;
    for (std::size_t j = 0; j < size(); ++j) {
      open += starts[j];
      g[j] = open;
      open -= stops[j];
    }
  }

 private:
  std::vector<End> begin_, end_;
  std::vector<Span> spans_;
  double total_ = 0.0;
};

class Solver {
 public:
  Solver(const Problem& problem, const TurnbullOptions& options, const Execution& execution)
      : problem_(problem),
        options_(options),
        execution_(execution),
        mass_(problem.size(), 1.0 / static_cast<double>(problem.size())) {
    evaluate();
  }

  TurnbullCurve solve() {
    TurnbullCurve out;
    while (gap() > options_.tolerance && out.iterations < options_.max_iterations) {
      ++out.iterations;
      execution_.poll();
      em();
      convex_minorant();
      if (out.iterations % 8 == 0) newton();
    }
    for (std::size_t j = 0; j < mass_.size(); ++j) {
      out.left.push_back(problem_.left(j));
      out.right.push_back(problem_.right(j));
    }
    out.gap = gap();
    out.converged = out.gap <= options_.tolerance;
    out.log_likelihood = value_;
    out.mass = std::move(mass_);
    return out;
  }

 private:
  void evaluate() {
    problem_.probabilities(mass_, p_);
    value_ = problem_.log_likelihood(p_);
    problem_.gradient(p_, gradient_);
  }

  double gap() const { return std::max(std::ranges::max(gradient_) / problem_.total() - 1.0, 0.0); }

  /// Takes a trial if it is no worse; where rounding hides which is better, if its gap is smaller.
  bool take(std::vector<double>& trial) {
    std::vector<double> p, gradient;
    problem_.probabilities(trial, p);
    const double value = problem_.log_likelihood(p);
    const double noise = 1e-14 * (std::abs(value_) + problem_.total());
    if (!(value >= value_ - noise)) return false;
    problem_.gradient(p, gradient);
    if (value <= value_ + noise &&
        !(std::ranges::max(gradient) < std::ranges::max(gradient_) && std::isfinite(value)))
      return false;
    mass_.swap(trial);
    p_.swap(p);
    gradient_.swap(gradient);
    value_ = value;
    return true;
  }

  void em() {
    std::vector<double> trial(mass_.size());
    double sum = 0.0;
    for (std::size_t j = 0; j < trial.size(); ++j)
      sum += trial[j] = mass_[j] * gradient_[j] / problem_.total();
    for (double& m : trial) m /= sum;
    take(trial);
  }

  /// The distribution function that minimises the quadratic with the diagonal of the Hessian:
  /// weighted isotonic regression by pooling; then halved until it is an ascent.
  void convex_minorant() {
    const std::size_t n = mass_.size();
    if (n < 2) return;
    std::vector<double> slope(n), curvature(n), level(n - 1);
    for (std::size_t i = 0; i < p_.size(); ++i) {
      const auto [first, last, weight] = problem_.spans()[i];
      const double ratio = weight / p_[i], square = ratio / p_[i];
      if (last + 1 < n) {
        slope[last] += ratio;
        curvature[last] += square;
      }
      if (first > 0) {
        slope[first - 1] -= ratio;
        curvature[first - 1] += square;
      }
    }
    std::vector<double> mean, weight;
    std::vector<std::size_t> length;
    double below = 0.0;
    for (std::size_t j = 0; j + 1 < n; ++j) {
      below += mass_[j];
      double w = std::max(curvature[j], 1e-300), m = below + slope[j] / w;
      std::size_t l = 1;
      while (!mean.empty() && mean.back() >= m) {
        m = (m * w + mean.back() * weight.back()) / (w + weight.back());
        w += weight.back();
        l += length.back();
        mean.pop_back();
        weight.pop_back();
        length.pop_back();
      }
      mean.push_back(m);
      weight.push_back(w);
      length.push_back(l);
    }
    std::size_t j = 0;
    for (std::size_t block = 0; block < mean.size(); ++block)
      for (std::size_t k = 0; k < length[block]; ++k)
        level[j++] = std::clamp(mean[block], 0.0, 1.0);
    std::vector<double> target(n);
    for (std::size_t k = 0; k < n; ++k)
      target[k] = (k + 1 < n ? level[k] : 1.0) - (k > 0 ? level[k - 1] : 0.0);
    towards(target);
  }

  void towards(const std::vector<double>& target) {
    std::vector<double> trial(mass_.size());
    for (double share = 1.0; share > 1e-4; share *= 0.5) {
      for (std::size_t j = 0; j < trial.size(); ++j)
        trial[j] = share == 1.0 ? target[j] : mass_[j] + share * (target[j] - mass_[j]);
      if (take(trial)) return;
    }
  }

  /// Newton's step on the masses that are not 0 and the one that the gradient would add, within
  /// their sum; cut where a mass would fall below 0, which then is 0.
  void newton() {
    for (int round = 0; round < 12 && gap() > options_.tolerance; ++round) {
      std::vector<std::size_t> support;
      const auto best =
          static_cast<std::size_t>(std::ranges::max_element(gradient_) - gradient_.begin());
      for (std::size_t j = 0; j < mass_.size(); ++j)
        if (mass_[j] > 0.0 || j == best) support.push_back(j);
      if (support.size() > kNewtonSupport || support.size() < 2) return;
      execution_.poll();
      if (!newton_step(support)) return;
    }
  }

  bool newton_step(const std::vector<std::size_t>& support) {
    // In the distribution function at the borders within the support, P of a span is the difference
    // of two: exact and right-censored rows give a tridiagonal Hessian.
    const auto n = static_cast<Eigen::Index>(support.size()) - 1;
    std::vector<Eigen::Triplet<double>> cells;
    Eigen::VectorXd slope = Eigen::VectorXd::Zero(n), diagonal = Eigen::VectorXd::Zero(n);
    for (std::size_t i = 0; i < p_.size(); ++i) {
      const auto [first, last, weight] = problem_.spans()[i];
      const auto below = std::ranges::lower_bound(support, first) - support.begin() - 1;
      const auto upto = std::ranges::upper_bound(support, last) - support.begin() - 1;
      const double ratio = weight / p_[i], square = ratio / p_[i];
      if (below >= 0) {
        slope(below) -= ratio;
        diagonal(below) += square;
      }
      if (upto < n) {
        slope(upto) += ratio;
        diagonal(upto) += square;
      }
      if (below >= 0 && upto < n && below != upto) cells.emplace_back(upto, below, -square);
    }
    const double ridge = 1e-13 * diagonal.maxCoeff();
    for (Eigen::Index k = 0; k < n; ++k) cells.emplace_back(k, k, diagonal(k) + ridge);
    Eigen::SparseMatrix<double> hessian(n, n);
    hessian.setFromTriplets(cells.begin(), cells.end());
    const Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>, Eigen::Lower> factors(hessian);
    if (factors.info() != Eigen::Success) return false;
    const Eigen::VectorXd move = factors.solve(slope);
    if (!move.allFinite()) return false;
    const auto step = [&](Eigen::Index k) {
      return (k < n ? move(k) : 0.0) - (k > 0 ? move(k - 1) : 0.0);
    };
    double longest = 1.0;
    for (Eigen::Index k = 0; k <= n; ++k) {
      const double m = mass_[support[static_cast<std::size_t>(k)]];
      // The mass to be added starts at 0: a step that takes from it is no step.
      if (m == 0.0 && step(k) < 0.0) return false;
      if (step(k) < 0.0) longest = std::min(longest, -m / step(k));
    }
    std::vector<double> trial(mass_.size());
    for (double share = longest; share > 1e-6 * longest; share *= 0.5) {
      std::ranges::fill(trial, 0.0);
      double sum = 0.0;
      for (Eigen::Index k = 0; k <= n; ++k) {
        const std::size_t j = support[static_cast<std::size_t>(k)];
        const double moved = mass_[j] + share * step(k);
        trial[j] = moved > 1e-14 * mass_[j] ? moved : 0.0;
        sum += trial[j];
      }
      for (double& m : trial) m /= sum;
      if (take(trial)) return true;
    }
    return false;
  }

  const Problem& problem_;
  const TurnbullOptions& options_;
  const Execution& execution_;
  std::vector<double> mass_, p_, gradient_;
  double value_ = 0.0;
};

}  // namespace

TurnbullCurve turnbull(const IntervalSample& sample, const TurnbullOptions& options,
                       const Execution& execution) {
  require_valid(sample, execution);
  const Problem problem(sample, execution);
  return Solver(problem, options, execution).solve();
}

}  // namespace tenure::survival
