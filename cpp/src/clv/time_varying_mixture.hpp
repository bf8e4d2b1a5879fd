#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "time_varying_clock.hpp"

namespace tenure::clv::time_varying {

/// The logarithm of a sum of densities with its gradient and Hessian, from the gradients and
/// Hessians of the logarithms of the densities. Triangles are lower ones, by rows.
class Mixture {
 public:
  explicit Mixture(std::size_t size)
      : size_(size), first_(size), second_(size * (size + 1) / 2), extra_(second_.size()) {}

  void reset() {
    mass_ = value = 0.0;
    std::ranges::fill(first_, 0.0);
    std::ranges::fill(second_, 0.0);
    std::ranges::fill(extra_, 0.0);
  }

  /// Adds a density f with the gradient g of its logarithm; its Hessian goes to `extra`.
  void add(double f, const std::vector<double>& g) {
    mass_ += f;
    for (std::size_t i = 0; i < size_; ++i) {
      first_[i] += f * g[i];
      for (std::size_t j = 0; j <= i; ++j) second_[packed(i, j)] += f * g[i] * g[j];
    }
  }

  double& mass() { return mass_; }
  double* first() { return first_.data(); }    ///< sums of f g
  double* second() { return second_.data(); }  ///< sums of f g g'
  double squares(std::size_t i, std::size_t j) const { return second_[packed(i, j)]; }
  double& extra(std::size_t i, std::size_t j) { return extra_[packed(i, j)]; }  ///< sums of f H

  /// From sums to the logarithm: afterwards `value`, `slope` and `curve` hold its derivatives.
  void weigh() {
    value = std::log(mass_);
    for (double& g : first_) g /= mass_;
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        const std::size_t at = packed(i, j);
        second_[at] = (second_[at] + extra_[at]) / mass_ - first_[i] * first_[j];
      }
  }
  double value = 0.0;
  double& slope(std::size_t i) { return first_[i]; }
  double& curve(std::size_t i, std::size_t j) { return second_[packed(i, j)]; }

  void add_to(std::vector<double>& out, double weight) const {
    out[0] += weight * value;
    for (std::size_t i = 0; i < size_; ++i) out[1 + i] += weight * first_[i];
    for (std::size_t k = 0; k < second_.size(); ++k) out[1 + size_ + k] += weight * second_[k];
  }

 private:
  std::size_t size_;
  double mass_ = 0.0;
  std::vector<double> first_, second_, extra_;
};

}  // namespace tenure::clv::time_varying
