#include "cox_net_model.hpp"

#include <algorithm>
#include <cmath>

namespace tenure::churn::detail {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

Vector difference(const Vector& a, const Vector& b) {
  Vector out(a.size());
  for (std::size_t j = 0; j < a.size(); ++j) out[j] = a[j] - b[j];
  return out;
}

double soft(double x, double by) { return x > by ? x - by : x < -by ? x + by : 0.0; }

}  // namespace

Vector CoxNetModel::product(std::span<const double> step) const {
  Vector out(p_, 0.0);
  for (std::size_t j = 0; j < p_; ++j) {
    const double* const row = hessian_.data() + j * p_;
    if (step[j] != 0.0)
      for (std::size_t k = 0; k < p_; ++k) out[k] += step[j] * row[k];
  }
  return out;
}

void CoxNetModel::learn(const CoxNetPoint& from, const CoxNetPoint& to) {
  const Vector step = difference(to.beta, from.beta),
               change = difference(to.gradient, from.gradient), guess = product(step);
  const double seen = dot(step, change), expected = dot(step, guess);
  // Rounding of a tiny step is no curvature.
  if (!(seen > 0.5 * expected && seen < 2.0 * expected && expected > 1e-18)) return;
  for (std::size_t j = 0; j < p_; ++j)
    for (std::size_t k = 0; k < p_; ++k)
      hessian_[j * p_ + k] += change[j] * change[k] / seen - guess[j] * guess[k] / expected;
}

double CoxNetModel::penalty(double by, std::span<const double> beta) const {
  double sum = 0.0;
  for (std::size_t j = 0; j < p_; ++j)
    sum += settings_.l1_ratio * settings_.lasso[j] * std::abs(beta[j]) +
           0.5 * (1.0 - settings_.l1_ratio) * settings_.ridge[j] * beta[j] * beta[j];
  return by * sum;
}

Vector CoxNetModel::minimum(const CoxNetPoint& point, double penalty, std::span<const double> start,
                            const Execution& execution) const {
  Vector at(start.begin(), start.end());
  Vector slope = product(difference(at, point.beta));  // of the quadratic, where the descent is
  for (std::size_t j = 0; j < p_; ++j) slope[j] += point.gradient[j];
  std::vector<std::uint8_t> active(p_, 1);
  const auto sweep = [&](bool all) {
    double largest = 0.0;
    for (std::size_t j = 0; j < p_; ++j) {
      if (!all && !active[j]) continue;
      const double* const row = hessian_.data() + j * p_;
      const double there =
          soft(row[j] * at[j] - slope[j], penalty * settings_.l1_ratio * settings_.lasso[j]) /
          (row[j] + penalty * (1.0 - settings_.l1_ratio) * settings_.ridge[j]);
      active[j] = there != 0.0;
      const double change = there - at[j];
      if (change == 0.0) continue;
      at[j] = there;
      for (std::size_t k = 0; k < p_; ++k) slope[k] += change * row[k];
      largest = std::max(largest, std::abs(change));
    }
    return largest;
  };
  const double enough = 1e-3 * settings_.tolerance;
  for (int round = 0; round < 1000; ++round) {
    if (sweep(true) < enough) break;
    execution.poll();
    for (int inner = 0; inner < 1000 && sweep(false) >= enough; ++inner) {
    }
  }
  return at;
}

CoxNetPoint CoxNetModel::at(const CoxNetPoint& point, Vector beta) const {
  const Vector step = difference(beta, point.beta);
  CoxNetPoint out{std::move(beta), point.loss, product(step)};
  for (std::size_t j = 0; j < p_; ++j) {
    out.loss += step[j] * (point.gradient[j] + 0.5 * out.gradient[j]);
    out.gradient[j] += point.gradient[j];
  }
  return out;
}

}  // namespace tenure::churn::detail
