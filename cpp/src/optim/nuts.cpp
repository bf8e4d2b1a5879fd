#include "tenure/optim/nuts.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "nuts_adaptation.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/random.hpp"

namespace tenure::optim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kDivergence = 1000.0;  // error of the energy
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

struct Point {
  Vector at, momentum, gradient;
  double log_density = -kInfinity;
};

/// A momentum, and the same seen through the metric: the velocity.
struct Motion {
  Vector momentum, velocity;
};

/// A run of neighbouring points of a trajectory.
struct Tree {
  Motion first, last;  ///< in the order of travel
  Vector momenta;      ///< their sum
  double log_weight = -kInfinity;
  Point proposal;
};

double log_sum(double a, double b) {
  const double high = std::max(a, b), low = std::min(a, b);
  return low == -kInfinity ? high : high + std::log1p(std::exp(low - high));
}

/// Whether two ends still move apart, seen along the sum of momenta between them.
bool apart(const Motion& first, const Motion& last, const Vector& momenta) {
  return first.velocity.dot(momenta) > 0.0 && last.velocity.dot(momenta) > 0.0;
}

/// The same within a joined tree, and of each half with the nearest point of the other.
bool all_apart(const Tree& a, const Tree& b) {
  return apart(a.first, b.last, a.momenta + b.momenta) &&
         apart(a.first, b.first, a.momenta + b.first.momentum) &&
         apart(a.last, b.last, b.momenta + a.last.momentum);
}

class Chain {
 public:
  Chain(const LogDensity& density, const NutsOptions& options, const std::vector<double>& start,
        std::int64_t number, const Execution& execution)
      : density_(density),
        options_(options),
        execution_(execution),
        random_(options.seed, static_cast<std::uint64_t>(number)),
        n_(static_cast<Eigen::Index>(start.size())) {
    here_.at = Eigen::Map<const Vector>(start.data(), n_);
    here_.gradient = here_.momentum = Vector::Zero(n_);
    evaluate(here_);
    if (here_.log_density == -kInfinity)
      throw InvalidInput("starts", number, "starts must have a density above 0");
    if (!options.covariance.empty())
      guess_ = Eigen::Map<const Matrix>(options.covariance.data(), n_, n_);
    set_metric(options.covariance.empty() ? Matrix(Matrix::Identity(n_, n_)) : guess_);
  }

  void warm_up() {
    StepSize step(options_.target_accept);
    Windows windows(options_.warmup);
    Covariance covariance(n_);
    find_step();
    step.restart(step_);
    for (std::int64_t draw = 0; draw < options_.warmup; ++draw) {
      step_ = step.learn(advance().acceptance);
      execution_.advance();
      if (windows.holds(draw)) covariance.add(here_.at);
      if (!windows.closes(draw)) continue;
      set_metric(covariance.shrunk(guess_, covariance_));
      covariance.restart(n_);
      find_step();
      step.restart(step_);
    }
    if (step.has_learnt()) step_ = step.mean();
  }

  struct Draw {
    double acceptance = 0.0, energy = 0.0;
    std::int64_t depth = 0;
    bool divergent = false;
  };

  /// One transition. Here and in `grow`, a tree that met a divergence or turned back is left out as
  /// a whole: what was sampled from the rest stays.
  Draw advance() {
    draw_momentum();
    start_energy_ = energy(here_);
    divergent_ = false;
    steps_ = accepted_ = 0.0;

    Tree whole;
    whole.first = whole.last = motion(here_);
    whole.momenta = here_.momentum;
    whole.log_weight = 0.0;
    Point ends[2] = {here_, here_};  // backward, forward
    Draw draw;
    while (draw.depth < options_.max_depth) {
      const bool forward = random_.uniform() > 0.5;
      Tree part;
      moving_ = &ends[forward];
      if (!grow(draw.depth, forward ? 1.0 : -1.0, part)) break;
      ++draw.depth;
      // Biased towards the new half, so that draws lie far apart.
      if (part.log_weight > whole.log_weight ||
          random_.uniform() < std::exp(part.log_weight - whole.log_weight))
        here_ = part.proposal;
      whole.log_weight = log_sum(whole.log_weight, part.log_weight);
      if (!forward) std::swap(part.first, part.last);  // back into the order of time
      const Tree& before = forward ? whole : part;
      const Tree& after = forward ? part : whole;
      const bool goes_on = all_apart(before, after);
      const Motion first = before.first, last = after.last;
      whole.momenta += part.momenta;
      whole.first = first;
      whole.last = last;
      if (!goes_on) break;
    }
    draw.acceptance = accepted_ / steps_;
    draw.energy = energy(here_);
    draw.divergent = divergent_;
    return draw;
  }

  const Point& here() const { return here_; }
  double step_size() const { return step_; }
  std::int64_t evaluations() const { return evaluations_; }

 private:
  void evaluate(Point& point) {
    execution_.poll();
    ++evaluations_;
    const auto n = static_cast<std::size_t>(n_);
    const double value = density_({point.at.data(), n}, {point.gradient.data(), n});
    const bool inside = std::isfinite(value) && point.gradient.allFinite();
    point.log_density = inside ? value : -kInfinity;
  }

  /// The covariance of the point is the inverse of the mass.
  void set_metric(const Matrix& covariance) {
    covariance_ = options_.dense ? covariance : Matrix(covariance.diagonal().asDiagonal());
    const auto& block = options_.block;
    for (Eigen::Index i = 0; i < (block.empty() ? 0 : n_); ++i)
      for (Eigen::Index j = 0; j < n_; ++j)
        if (block[static_cast<std::size_t>(i)] != block[static_cast<std::size_t>(j)])
          covariance_(i, j) = 0.0;
    const Eigen::LLT<Matrix> factor(covariance_);
    if (factor.info() != Eigen::Success)
      throw InvalidInput("covariance", -1, "covariance must be positive definite");
    root_ = factor.matrixU();
  }

  void draw_momentum() {
    Vector normal(n_);
    for (double& z : normal) z = random_.normal();
    here_.momentum = root_.triangularView<Eigen::Upper>().solve(normal);
  }

  Motion motion(const Point& p) const { return {p.momentum, covariance_ * p.momentum}; }

  double energy(const Point& p) const {
    const double total = 0.5 * p.momentum.dot(covariance_ * p.momentum) - p.log_density;
    return std::isnan(total) ? kInfinity : total;
  }

  void leap(Point& p, double step) {
    p.momentum += 0.5 * step * p.gradient;
    p.at += step * (covariance_ * p.momentum);
    evaluate(p);
    if (p.log_density == -kInfinity) return;  // its gradient means nothing, and the end is near
    p.momentum += 0.5 * step * p.gradient;
  }

  /// A step size whose first step is accepted with about the target probability: doubled or halved
  /// until that is crossed. [Hoffman & Gelman 2014, algorithm 4]
  void find_step() {
    const auto gain = [this] {
      draw_momentum();
      Point p = here_;
      const double before = energy(p);
      leap(p, step_);
      return before - energy(p);
    };
    const double target = std::log(options_.target_accept);
    const bool grows = gain() > target;
    for (int i = 0; i < 100; ++i) {
      step_ *= grows ? 2.0 : 0.5;
      if ((gain() > target) != grows) break;
    }
  }

  /// 2^depth further points from `moving_` on; false if the tree is divergent or turns back.
  bool grow(std::int64_t depth, double direction, Tree& tree) {
    if (depth == 0) return add_point(direction, tree);
    Tree later;
    if (!grow(depth - 1, direction, tree) || !grow(depth - 1, direction, later)) return false;
    const double weight = log_sum(tree.log_weight, later.log_weight);
    // Products of two momenta keep their sign in either direction of travel.
    const bool goes_on = all_apart(tree, later);
    if (random_.uniform() < std::exp(later.log_weight - weight)) tree.proposal = later.proposal;
    tree.log_weight = weight;
    tree.last = later.last;
    tree.momenta += later.momenta;
    return goes_on;
  }

  bool add_point(double direction, Tree& tree) {
    Point& p = *moving_;
    leap(p, direction * step_);
    const double gain = start_energy_ - energy(p);
    ++steps_;
    accepted_ += gain > 0.0 ? 1.0 : std::exp(gain);
    if (-gain > kDivergence) {
      divergent_ = true;
      return false;
    }
    tree.log_weight = gain;
    tree.proposal = p;
    tree.first = tree.last = motion(p);
    tree.momenta = p.momentum;
    return true;
  }

  const LogDensity& density_;
  const NutsOptions& options_;
  const Execution& execution_;
  RandomStream random_;
  Eigen::Index n_;
  Point here_;
  Matrix guess_, covariance_, root_;
  double step_ = 1.0;
  std::int64_t evaluations_ = 0;

  // Of the trajectory under way.
  Point* moving_ = nullptr;
  double start_energy_ = 0.0, steps_ = 0.0, accepted_ = 0.0;
  bool divergent_ = false;
};

void require_valid(const NutsOptions& o, const std::vector<std::vector<double>>& starts) {
  if (o.draws < 1) throw InvalidInput("draws", -1, static_cast<double>(o.draws), ">= 1");
  if (o.warmup < 0) throw InvalidInput("warmup", -1, static_cast<double>(o.warmup), ">= 0");
  if (!(o.target_accept > 0.0 && o.target_accept < 1.0))
    throw InvalidInput("target_accept", -1, o.target_accept, "> 0 and < 1");
  if (o.max_depth < 1 || o.max_depth > 20)
    throw InvalidInput("max_depth", -1, o.max_depth, "from 1 to 20");
  if (starts.empty()) throw InvalidInput("chains", -1, 0.0, ">= 1");
  const std::size_t n = starts.front().size();
  for (const auto& start : starts)
    if (start.size() != n || n == 0)
      throw InvalidInput("starts", -1, "starts must all have the same number of coordinates");
  if (!o.covariance.empty() && o.covariance.size() != n * n)
    throw InvalidInput("covariance", -1, "covariance must be square, of the length of a start");
  if (!o.block.empty() && o.block.size() != n)
    throw InvalidInput("block", -1, "block must have one number a coordinate");
}

}  // namespace

NutsDraws nuts(const LogDensity& density, const std::vector<std::vector<double>>& starts,
               const NutsOptions& options, const Execution& execution) {
  require_valid(options, starts);
  const std::size_t n = starts.front().size();
  const auto chains = starts.size(), draws = static_cast<std::size_t>(options.draws);
  NutsDraws out;
  out.point.resize(chains * draws * n);
  out.log_density.resize(chains * draws);
  out.energy.resize(chains * draws);
  out.depth.resize(chains * draws);
  out.divergent.resize(chains * draws);
  out.step_size.resize(chains);
  std::vector<std::int64_t> evaluations(chains);

  for_each_task(std::ssize(starts), execution, [&](std::int64_t number) {
    const auto c = static_cast<std::size_t>(number);
    Chain chain(density, options, starts[c], number, execution);
    chain.warm_up();
    for (std::size_t i = c * draws; i < (c + 1) * draws; ++i) {
      const Chain::Draw draw = chain.advance();
      std::copy_n(chain.here().at.data(), n, out.point.data() + i * n);
      out.log_density[i] = chain.here().log_density;
      out.energy[i] = draw.energy;
      out.depth[i] = draw.depth;
      out.divergent[i] = draw.divergent;
      execution.advance();
    }
    out.step_size[c] = chain.step_size();
    evaluations[c] = chain.evaluations();
  });
  for (const std::int64_t e : evaluations) out.evaluations += e;
  return out;
}

}  // namespace tenure::optim
