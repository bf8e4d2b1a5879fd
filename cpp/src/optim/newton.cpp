#include "tenure/optim/newton.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tenure::optim {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// A Newton step of a converged fit. It is taken too, so that its square is the error left.
constexpr double kSmallStep = 1e-5;
// The same where rounding has ended the descent.
constexpr double kSmallStepAtNoise = 1e-2;
constexpr double kSmallestRadius = 1e-14;
constexpr double kLargestRadius = 4.0;

using Vector = Eigen::VectorXd;

/// The quadratic model at a point, in the eigenbasis of its Hessian.
struct Model {
  explicit Model(const Evaluation& e) {
    const auto n = static_cast<Eigen::Index>(e.gradient.size());
    const Eigen::Map<const Eigen::MatrixXd> hessian(e.hessian.data(), n, n);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(hessian);
    eigenvalue = solver.eigenvalues();
    basis = solver.eigenvectors();
    slope = basis.transpose() * Eigen::Map<const Vector>(e.gradient.data(), n);
  }

  bool positive_definite() const {
    const double largest = eigenvalue.cwiseAbs().maxCoeff();
    return eigenvalue(0) > 64.0 * kEpsilon * largest && largest > 0.0;
  }

  /// Longest component of the full Newton step; infinite without a positive definite Hessian.
  double newton_step() const {
    if (!positive_definite()) return std::numeric_limits<double>::infinity();
    return (basis * slope.cwiseQuotient(eigenvalue)).cwiseAbs().maxCoeff();
  }

  double length(double damping) const {
    return slope.cwiseQuotient((eigenvalue.array() + damping).matrix()).norm();
  }

  /// Minimiser of the model within the ball: -(H + damping I)^-1 g with the smallest damping >= 0
  /// that makes the matrix positive definite and the step short enough. [Nocedal & Wright 2006,
  /// eq. 4.8]; bisection on a logarithmic scale, as it costs nothing beside a pass over the data.
  Vector step(double radius) const {
    double damping = 0.0;
    if (!positive_definite() || length(0.0) > radius) {
      const double floor = std::max(0.0, -eigenvalue(0));
      const double scale = std::max(eigenvalue.cwiseAbs().maxCoeff(), slope.norm() / radius);
      double low = floor + scale * 1e-14;
      double high = floor + 2.0 * slope.norm() / radius + scale * 1e-14;
      if (length(low) <= radius) {
        // The hard case, or a Hessian that is singular to rounding: the shortest safe damping.
        high = low;
      }
      for (int i = 0; i < 60 && high - floor > (low - floor) * (1.0 + 1e-3); ++i) {
        const double middle = floor + std::sqrt((low - floor) * (high - floor));
        (length(middle) > radius ? low : high) = middle;
      }
      damping = high;
    }
    return -(basis * slope.cwiseQuotient((eigenvalue.array() + damping).matrix()));
  }

  /// Decrease that the model promises for that step.
  double promise(const Vector& step) const {
    const Vector s = basis.transpose() * step;
    return -(slope.dot(s) + 0.5 * s.cwiseAbs2().dot(eigenvalue));
  }

  Vector eigenvalue, slope;
  Eigen::MatrixXd basis;
};

double scaled_gradient(const Evaluation& e) {
  double largest = 0.0;
  for (const double g : e.gradient) largest = std::max(largest, std::abs(g));
  return largest / std::max(1.0, std::abs(e.value));
}

bool finite(const Evaluation& e) {
  const auto good = [](double v) { return std::isfinite(v); };
  return good(e.value) && std::ranges::all_of(e.gradient, good) &&
         std::ranges::all_of(e.hessian, good);
}

/// The verdict where nothing moves any more: rounding hides further descent.
Status at_rest(const Evaluation& e, const Model& model, double far) {
  const double step = model.newton_step();
  const double gradient = scaled_gradient(e);
  if (gradient <= kHonestGradient && step <= kSmallStepAtNoise) return Status::converged;
  // Flat but not curved, or already far out: it is a coordinate that runs away, not an optimum.
  if (gradient <= kHonestGradient || far > 0.5) return Status::boundary;
  return Status::stalled;
}

}  // namespace

const char* status_name(Status status) {
  switch (status) {
    case Status::converged:
      return "converged";
    case Status::max_iterations:
      return "max_iterations";
    case Status::stalled:
      return "stalled";
    case Status::boundary:
      return "boundary";
  }
  return "unknown";
}

Result newton(const Objective& objective, std::vector<double> start, const NewtonOptions& options) {
  const double tolerance = std::min(options.tolerance, kHonestGradient);
  const std::vector<double> origin = start;
  Result result;
  result.point = std::move(start);
  result.at = objective(result.point);
  result.iterations = 1;

  const auto finish = [&](Status status) {
    result.status = status;
    result.gradient_norm = scaled_gradient(result.at);
    const std::size_t n = result.point.size();
    result.inverse_hessian.assign(n * n, std::numeric_limits<double>::quiet_NaN());
    if (finite(result.at)) {
      const Model last(result.at);
      result.eigenvalues.assign(last.eigenvalue.begin(), last.eigenvalue.end());
      if (last.positive_definite()) {
        const Eigen::MatrixXd inverse =
            last.basis * last.eigenvalue.cwiseInverse().asDiagonal() * last.basis.transpose();
        std::copy_n(inverse.data(), n * n, result.inverse_hessian.begin());
      }
    }
    return result;
  };
  if (!finite(result.at)) return finish(Status::stalled);

  double radius = 1.0;
  Model model(result.at);
  for (;;) {
    if (scaled_gradient(result.at) <= tolerance && model.newton_step() <= kSmallStep) {
      finish(Status::converged);
      // The last step costs no evaluation and doubles the digits. What was measured stands.
      const Vector last = model.step(radius);
      for (std::size_t i = 0; i < result.point.size(); ++i)
        result.point[i] += last(static_cast<Eigen::Index>(i));
      result.at.value -= model.promise(last);
      return result;
    }
    double far = 0.0;  // how much of the way to the limit the coordinate that moved most has gone
    for (std::size_t i = 0; i < origin.size(); ++i)
      far = std::max(far, std::abs(result.point[i] - origin[i]) / options.limit);
    if (far >= 1.0) return finish(Status::boundary);

    // Trials from this point until one is accepted.
    for (bool accepted = false; !accepted;) {
      const Vector step = model.step(radius);
      const double promise = model.promise(step);
      if (!(promise > 0.0) || radius < kSmallestRadius)
        return finish(at_rest(result.at, model, far));
      if (result.iterations >= options.max_iterations) return finish(Status::max_iterations);

      std::vector<double> trial(result.point);
      for (std::size_t i = 0; i < trial.size(); ++i) trial[i] += step(static_cast<Eigen::Index>(i));
      Evaluation at = objective(trial);
      ++result.iterations;
      if (!finite(at)) {
        radius = 0.25 * step.norm();
        continue;
      }
      // Below the rounding of the value only the gradient can tell progress.
      const double noise = 32.0 * kEpsilon * std::max(1.0, std::abs(result.at.value));
      const double gain = result.at.value - at.value;
      const double ratio = gain / promise;
      if (promise <= noise) {
        if (!(gain >= -noise && scaled_gradient(at) < scaled_gradient(result.at)))
          return finish(at_rest(result.at, model, far));
        accepted = true;
      } else {
        accepted = ratio > 1e-4;
        if (ratio < 0.25)
          radius = 0.25 * step.norm();
        else if (ratio > 0.75 && step.norm() > 0.8 * radius)
          radius = std::min(2.0 * radius, kLargestRadius);
      }
      if (accepted) {
        result.point = std::move(trial);
        result.at = std::move(at);
        model = Model(result.at);
      }
    }
  }
}

Result newton_from(const Objective& objective, const std::vector<std::vector<double>>& starts,
                   const NewtonOptions& options) {
  Result best;
  std::int64_t iterations = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    Result result = newton(objective, starts[i], options);
    iterations += result.iterations;
    // A later start must be better by more than rounding, or else converged where the best is not.
    const double tie = 1e-12 * std::max(1.0, std::abs(best.at.value));
    if (i == 0 || !std::isfinite(best.at.value) || result.at.value < best.at.value - tie ||
        (result.status == Status::converged && result.at.value <= best.at.value + tie))
      best = std::move(result);
    if (best.status == Status::converged) break;
  }
  best.iterations = iterations;
  return best;
}

}  // namespace tenure::optim
