#include "elastic_path.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tenure::churn::detail {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

/// No step larger than this is taken without a look at the rows.
constexpr double kModelled = 1e-3;

double soft(double x, double by) { return x > by ? x - by : x < -by ? x + by : 0.0; }

class Path {
 public:
  Path(const SmoothLoss& loss, Vector start, const ElasticSettings& s, const Execution& e)
      : smooth_(loss),
        settings_(s),
        execution_(e),
        p_(start.size()),
        beta_(std::move(start)),
        pending_(p_, 0.0) {}

  ElasticPath walk() {
    evaluate(beta_);
    out_.start_loss = loss_;
    renew();
    const auto penalties = path();
    for (const double penalty : penalties) {
      const bool converged = settle(penalty);
      out_.penalty.push_back(penalty);
      out_.beta.insert(out_.beta.end(), beta_.begin(), beta_.end());
      out_.loss.push_back(loss_);
      out_.converged.push_back(converged);
    }
    return std::move(out_);
  }

 private:
  /// Moves there; keeps loss and gradient of the part without a penalty.
  void evaluate(const Vector& beta) {
    ++out_.evaluations;
    loss_ = smooth_.move(beta, gradient_);
    read_ = true;
  }

  void renew() {
    if (!read_) evaluate(beta_);
    hessian_ = smooth_.hessian();
    // A column that the data say little of still has some curvature, or no step would end.
    for (std::size_t j = 0; j < p_; ++j) hessian_[j * p_ + j] += settings_.least_curvature;
  }

  Vector path() {
    if (!settings_.penalty.empty()) return {settings_.penalty.begin(), settings_.penalty.end()};
    double largest = 0.0;
    const double share = std::max(settings_.l1_ratio, 1e-3);
    for (std::size_t j = 0; j < p_; ++j)
      if (settings_.lasso[j] > 0.0)
        largest = std::max(largest, std::abs(gradient_[j]) / settings_.lasso[j] / share);
    Vector penalties;
    const auto count = settings_.penalties;
    for (std::int64_t k = 0; k < count; ++k)
      penalties.push_back(
          largest *
          std::pow(settings_.least,
                   count > 1 ? static_cast<double>(k) / static_cast<double>(count - 1) : 0.0));
    return penalties;
  }

  double fine(double penalty, const Vector& beta) const {
    double sum = 0.0;
    for (std::size_t j = 0; j < p_; ++j)
      sum += settings_.l1_ratio * settings_.lasso[j] * std::abs(beta[j]) +
             0.5 * (1.0 - settings_.l1_ratio) * settings_.ridge[j] * beta[j] * beta[j];
    return penalty * sum;
  }

  /// The step to the minimum of the quadratic model with the penalty, by coordinate descent.
  Vector model_step(double penalty) {
    Vector step(p_, 0.0), slope(gradient_);  // slope of the model where the step leads
    std::vector<std::uint8_t> active(p_, 1);
    const auto sweep = [&](bool all) {
      double largest = 0.0;
      for (std::size_t j = 0; j < p_; ++j) {
        if (!all && !active[j]) continue;
        const double h = hessian_[j * p_ + j], here = beta_[j] + step[j];
        const double there =
            soft(h * here - slope[j], penalty * settings_.l1_ratio * settings_.lasso[j]) /
            (h + penalty * (1.0 - settings_.l1_ratio) * settings_.ridge[j]);
        active[j] = there != 0.0;
        const double change = there - here;
        if (change == 0.0) continue;
        step[j] += change;
        if (there == 0.0) step[j] = -beta_[j];
        for (std::size_t k = 0; k < p_; ++k) slope[k] += change * hessian_[j * p_ + k];
        largest = std::max(largest, std::abs(change));
      }
      return largest;
    };
    const double enough = 1e-3 * settings_.tolerance;
    for (int round = 0; round < 1000; ++round) {
      if (sweep(true) < enough) break;
      execution_.poll();
      for (int inner = 0; inner < 1000 && sweep(false) >= enough; ++inner) {
      }
    }
    return step;
  }

  /// What the step taught about the curvature. [Nocedal & Wright 2006, eq. 6.19]
  void learn(const Vector& step, const Vector& before) {
    Vector change(p_), product(p_, 0.0);
    for (std::size_t j = 0; j < p_; ++j) change[j] = gradient_[j] - before[j];
    for (std::size_t j = 0; j < p_; ++j)
      for (std::size_t k = 0; k < p_; ++k) product[j] += hessian_[j * p_ + k] * step[k];
    const double seen = dot(step, change), expected = dot(step, product);
    // Rounding of a tiny step is no curvature.
    if (!(seen > 0.5 * expected && seen < 2.0 * expected && expected > 1e-18)) return;
    for (std::size_t j = 0; j < p_; ++j)
      for (std::size_t k = 0; k < p_; ++k)
        hessian_[j * p_ + k] += change[j] * change[k] / seen - product[j] * product[k] / expected;
  }

  bool settle(double penalty) {
    double last = std::numeric_limits<double>::infinity();
    for (std::int64_t k = 0; k < settings_.max_iterations; ++k) {
      Vector step = model_step(penalty);
      double size = 0.0;
      for (const double s : step) size = std::max(size, std::abs(s));
      // Steps shrink by a factor: what is left after this one is about that factor times it.
      const double left = size * std::min(1.0, size / last);
      if ((std::isinf(last) ? size : left) < settings_.tolerance && size < kModelled) {
        if (read_) {
          take_by_model(step);
          return true;
        }
        evaluate(beta_);
        continue;
      }
      if (size > 0.5 * last && k % 4 == 3) renew();
      last = size;
      if (!advance(penalty, step)) {
        renew();
        step = model_step(penalty);
        if (!advance(penalty, step)) return false;
      }
    }
    return false;
  }

  /// A last small step, whose score and loss are those of the quadratic.
  void take_by_model(const Vector& step) {
    for (std::size_t j = 0; j < p_; ++j) {
      double slope = 0.0;
      for (std::size_t k = 0; k < p_; ++k) slope += hessian_[j * p_ + k] * step[k];
      loss_ += step[j] * (gradient_[j] + 0.5 * slope);
      pending_[j] = slope;
    }
    for (std::size_t j = 0; j < p_; ++j) {
      gradient_[j] += pending_[j];
      beta_[j] = step[j] == -beta_[j] ? 0.0 : beta_[j] + step[j];
    }
    read_ = false;
  }

  bool advance(double penalty, const Vector& step) {
    const Vector from = beta_, before = gradient_;
    const double loss = loss_, value = loss + fine(penalty, from);
    const double floor = value + 1e-13 * (1.0 + std::abs(value));
    double length = 1.0;
    for (int halving = 0; halving < 30; ++halving, length *= 0.5) {
      for (std::size_t j = 0; j < p_; ++j) beta_[j] = from[j] + length * step[j];
      evaluate(beta_);
      if (std::isfinite(loss_) && loss_ + fine(penalty, beta_) <= floor) {
        Vector taken(p_);
        for (std::size_t j = 0; j < p_; ++j) taken[j] = beta_[j] - from[j];
        learn(taken, before);
        return true;
      }
    }
    beta_ = from;
    evaluate(beta_);
    return false;
  }

  const SmoothLoss& smooth_;
  const ElasticSettings& settings_;
  const Execution& execution_;
  std::size_t p_;
  double loss_ = 0.0;
  Vector beta_, gradient_, hessian_, pending_;
  bool read_ = false;  ///< loss and gradient were read from the rows, not from the model
  ElasticPath out_;
};

}  // namespace

ElasticPath elastic_path(const SmoothLoss& loss, std::vector<double> start,
                         const ElasticSettings& settings, const Execution& execution) {
  return Path(loss, std::move(start), settings, execution).walk();
}

}  // namespace tenure::churn::detail
