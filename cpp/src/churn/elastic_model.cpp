#include "elastic_model.hpp"

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

double ElasticPenalty::at(double penalty, std::span<const double> beta) const {
  double sum = 0.0;
  for (std::size_t j = 0; j < beta.size(); ++j)
    sum += lasso[j] * std::abs(beta[j]) + 0.5 * ridge[j] * beta[j] * beta[j];
  return penalty * sum;
}

Vector ElasticModel::product(std::span<const double> step) const {
  Vector out(p_, 0.0);
  for (std::size_t j = 0; j < p_; ++j) {
    const double* const row = hessian_.data() + j * p_;
    if (step[j] != 0.0)
      for (std::size_t k = 0; k < p_; ++k) out[k] += step[j] * row[k];
  }
  return out;
}

void ElasticModel::learn(const ElasticPoint& from, const ElasticPoint& to) {
  const Vector step = difference(to.beta, from.beta),
               change = difference(to.gradient, from.gradient), guess = product(step);
  const double seen = dot(step, change), expected = dot(step, guess);
  // Rounding of a tiny step is no curvature.
  if (!(seen > 0.5 * expected && seen < 2.0 * expected && expected > 1e-18)) return;
  for (std::size_t j = 0; j < p_; ++j)
    for (std::size_t k = 0; k < p_; ++k)
      hessian_[j * p_ + k] += change[j] * change[k] / seen - guess[j] * guess[k] / expected;
}

Vector ElasticModel::minimum(const ElasticPoint& point, double penalty,
                             std::span<const double> start, const Execution& execution) const {
  Vector at(start.begin(), start.end());
  Vector slope = product(difference(at, point.beta));  // of the quadratic, where the descent is
  for (std::size_t j = 0; j < p_; ++j) slope[j] += point.gradient[j];
  std::vector<std::uint8_t> active(p_, 1);
  const auto sweep = [&](bool all) {
    double largest = 0.0;
    for (std::size_t j = 0; j < p_; ++j) {
      if (!all && !active[j]) continue;
      const double* const row = hessian_.data() + j * p_;
      const double there = soft(row[j] * at[j] - slope[j], penalty * penalty_.lasso[j]) /
                           (row[j] + penalty * penalty_.ridge[j]);
      active[j] = there != 0.0;
      const double change = there - at[j];
      if (change == 0.0) continue;
      at[j] = there;
      for (std::size_t k = 0; k < p_; ++k) slope[k] += change * row[k];
      largest = std::max(largest, std::abs(change));
    }
    return largest;
  };
  for (int round = 0; round < 1000; ++round) {
    if (sweep(true) < enough_) break;
    execution.poll();
    for (int inner = 0; inner < 1000 && sweep(false) >= enough_; ++inner) {
    }
  }
  return at;
}

ElasticPoint ElasticModel::at(const ElasticPoint& point, Vector beta) const {
  const Vector step = difference(beta, point.beta);
  ElasticPoint out{std::move(beta), point.loss, product(step)};
  for (std::size_t j = 0; j < p_; ++j) {
    out.loss += step[j] * (point.gradient[j] + 0.5 * out.gradient[j]);
    out.gradient[j] += point.gradient[j];
  }
  return out;
}

}  // namespace tenure::churn::detail
