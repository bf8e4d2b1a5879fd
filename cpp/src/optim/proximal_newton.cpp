#include "tenure/optim/proximal_newton.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tenure::optim {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kSmallStep = 1e-5;
constexpr double kSmallStepAtNoise = 1e-2;
constexpr double kLongestStep = 4.0;
constexpr double kMostDamping = 1e12;
constexpr int kSweeps = 10'000;

double soft(double v, double threshold) {
  return std::copysign(std::max(0.0, std::abs(v) - threshold), v);
}

Vector as_vector(std::span<const double> v) {
  return Eigen::Map<const Vector>(v.data(), static_cast<Eigen::Index>(v.size()));
}

Matrix hessian_of(const Evaluation& e) {
  const auto n = static_cast<Eigen::Index>(e.gradient.size());
  return Eigen::Map<const Matrix>(e.hessian.data(), n, n);
}

double absolute(std::span<const double> u, std::span<const double> l1) {
  double sum = 0.0;
  for (std::size_t i = 0; i < u.size(); ++i) sum += l1[i] * std::abs(u[i]);
  return sum;
}

/// Minimiser d of g'd + d'Hd/2 + sum l1_i |u_i + d_i|, for a positive definite H.
Vector subproblem(const Matrix& h, const Vector& g, std::span<const double> u,
                  std::span<const double> l1) {
  std::vector<Eigen::Index> smooth, sharp;
  for (std::size_t i = 0; i < u.size(); ++i)
    (l1[i] > 0.0 ? sharp : smooth).push_back(static_cast<Eigen::Index>(i));
  const Eigen::LLT<Matrix> root(h(smooth, smooth));
  const Matrix cross = h(smooth, sharp);
  // Eigen does not solve for nothing: either kind of coordinate may be missing.
  const Matrix pull = cross.size() > 0 ? Matrix(root.solve(cross)) : cross;
  const Matrix reduced = h(sharp, sharp) - cross.transpose() * pull;
  const Vector slope = g(sharp) - pull.transpose() * g(smooth);

  const Eigen::Index k = slope.size();
  Vector at(k), threshold(k);
  for (Eigen::Index j = 0; j < k; ++j) {
    at(j) = u[static_cast<std::size_t>(sharp[static_cast<std::size_t>(j)])];
    threshold(j) = l1[static_cast<std::size_t>(sharp[static_cast<std::size_t>(j)])];
  }
  const Vector from = at;
  Vector gradient = slope;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double largest = 0.0;
    for (Eigen::Index j = 0; j < k; ++j) {
      const double curve = reduced(j, j);
      if (!(curve > 0.0)) continue;
      const double next = soft(curve * at(j) - gradient(j), threshold(j)) / curve;
      const double change = next - at(j);
      if (change == 0.0) continue;
      gradient += change * reduced.col(j);
      at(j) = next;
      largest = std::max(largest, std::abs(change));
    }
    if (largest <= 1e-15) break;
  }

  Vector d = Vector::Zero(g.size());
  d(sharp) = at - from;
  if (!smooth.empty()) d(smooth) = -root.solve(g(smooth)) - pull * (at - from);
  return d;
}

/// Hessian in the coordinates that are free to move: all but zeros under an absolute value.
Vector free_eigenvalues(const Evaluation& e, std::span<const double> u,
                        std::span<const double> l1) {
  std::vector<Eigen::Index> free;
  for (std::size_t i = 0; i < u.size(); ++i)
    if (!(l1[i] > 0.0) || u[i] != 0.0) free.push_back(static_cast<Eigen::Index>(i));
  if (free.empty()) return Vector::Constant(1, std::numeric_limits<double>::infinity());
  const Matrix h = hessian_of(e)(free, free);
  return Eigen::SelfAdjointEigenSolver<Matrix>(h, Eigen::EigenvaluesOnly).eigenvalues();
}

bool finite(const Evaluation& e) {
  const auto good = [](double v) { return std::isfinite(v); };
  return good(e.value) && std::ranges::all_of(e.gradient, good) &&
         std::ranges::all_of(e.hessian, good);
}

}  // namespace

double optimality_gap(std::span<const double> point, std::span<const double> gradient,
                      std::span<const double> l1) {
  double largest = 0.0;
  for (std::size_t i = 0; i < point.size(); ++i) {
    const double gap = point[i] == 0.0 ? std::max(0.0, std::abs(gradient[i]) - l1[i])
                                       : std::abs(gradient[i] + std::copysign(l1[i], point[i]));
    largest = std::max(largest, gap);
  }
  return largest;
}

Result proximal_newton(const Objective& objective, std::vector<double> start,
                       std::span<const double> l1, const NewtonOptions& options) {
  const double tolerance = std::min(options.tolerance, kHonestGradient);
  const std::vector<double> origin = start;
  const std::size_t n = start.size();
  Result result;
  result.point = std::move(start);
  result.at = objective(result.point);
  result.iterations = 1;

  const auto gap = [&](const Evaluation& e, std::span<const double> u) {
    const double value = e.value + absolute(u, l1);
    return optimality_gap(u, e.gradient, l1) / std::max(1.0, std::abs(value));
  };
  const auto finish = [&](Status status) {
    result.gradient_norm = gap(result.at, result.point);
    result.inverse_hessian.assign(n * n, std::numeric_limits<double>::quiet_NaN());
    result.status = status;
    if (!finite(result.at)) return;
    const Vector values = free_eigenvalues(result.at, result.point, l1);
    const bool none = !std::isfinite(values(0));
    if (!none) result.eigenvalues.assign(values.begin(), values.end());
    const bool curved = none || values(0) > 64.0 * kEpsilon * values.cwiseAbs().maxCoeff();
    if (status == Status::converged && !curved) result.status = Status::boundary;
  };
  if (!finite(result.at)) {
    finish(Status::stalled);
    return result;
  }

  double damping = 0.0;
  for (;;) {
    double far = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      far = std::max(far, std::abs(result.point[i] - origin[i]) / options.limit);
    if (far >= 1.0) {
      finish(Status::boundary);
      return result;
    }
    const Vector g = as_vector(result.at.gradient);
    const Matrix h = hessian_of(result.at);
    const double lowest =
        Eigen::SelfAdjointEigenSolver<Matrix>(h, Eigen::EigenvaluesOnly).eigenvalues()(0);
    const double scale = std::max(h.cwiseAbs().maxCoeff(), 1e-300);
    const double least = lowest > 1e-12 * scale ? 0.0 : 1e-8 * scale - lowest;
    // A damped step is short anyway: the verdict needs the whole one.
    if (gap(result.at, result.point) <= tolerance) damping = 0.0;

    for (bool accepted = false; !accepted;) {
      const double lift = std::max(damping, least);
      const Vector d =
          subproblem(h + lift * Matrix::Identity(h.rows(), h.cols()), g, result.point, l1);
      const double length = d.cwiseAbs().maxCoeff();
      const bool at_rest = !(lift < kMostDamping * scale);
      if (length > kLongestStep && !at_rest) {
        damping = std::max(4.0 * lift, 1e-3 * scale);
        continue;
      }
      std::vector<double> trial(result.point);
      for (std::size_t i = 0; i < n; ++i) trial[i] += d(static_cast<Eigen::Index>(i));
      const double bend = absolute(trial, l1) - absolute(result.point, l1);
      const double change = g.dot(d) + 0.5 * d.dot(h * d);  // of the smooth part, as promised
      const double promise = -(change + bend);
      const double now = result.at.value + absolute(result.point, l1);
      const double noise = 32.0 * kEpsilon * std::max(1.0, std::abs(now));

      if (gap(result.at, result.point) <= tolerance && lift == 0.0 && length <= kSmallStep) {
        finish(Status::converged);
        // As in Newton's method, the last step costs no evaluation and doubles the digits.
        result.point = std::move(trial);
        result.at.value += change;
        return result;
      }
      if (at_rest || !(promise > 0.0)) {
        const double left = gap(result.at, result.point);
        finish(left > kHonestGradient ? far > 0.5 ? Status::boundary : Status::stalled
               : length <= kSmallStepAtNoise && lift == 0.0 ? Status::converged
                                                            : Status::boundary);
        return result;
      }
      if (result.iterations >= options.max_iterations) {
        finish(Status::max_iterations);
        return result;
      }
      Evaluation at = objective(trial);
      ++result.iterations;
      const double gain = now - (at.value + absolute(trial, l1));
      if (promise <= noise && finite(at)) {
        // Below the rounding of the value only the conditions of a minimum can tell progress.
        if (!(gain >= -noise && gap(at, trial) < gap(result.at, result.point))) {
          finish(gap(result.at, result.point) <= kHonestGradient && length <= kSmallStepAtNoise
                     ? Status::converged
                     : Status::boundary);
          return result;
        }
        accepted = true;
      } else {
        accepted = finite(at) && gain > 1e-4 * promise;
        if (!accepted)
          damping = std::max(4.0 * lift, 1e-3 * scale);
        else if (gain > 0.5 * promise)
          damping = damping < 1e-4 * scale ? 0.0 : 0.1 * damping;
      }
      if (accepted) {
        result.point = std::move(trial);
        result.at = std::move(at);
      }
    }
  }
}

}  // namespace tenure::optim
