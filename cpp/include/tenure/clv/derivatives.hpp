#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "tenure/optim/result.hpp"

namespace tenure::clv {

/// How far derivatives are needed. With `first`, second ones may be left at 0 to save time.
enum class Order : std::uint8_t { first, second };

/// A log-likelihood with its gradient and Hessian in N coordinates: adds up over blocks of rows.
template <std::size_t N>
struct Derivatives {
  double value = 0.0;
  std::array<double, N> gradient{};
  std::array<double, N*(N + 1) / 2> hessian{};  ///< lower triangle by rows

  /// Second derivative in i and j, i >= j.
  double& second(std::size_t i, std::size_t j) { return hessian[i * (i + 1) / 2 + j]; }
  double second(std::size_t i, std::size_t j) const { return hessian[i * (i + 1) / 2 + j]; }

  Derivatives& operator+=(const Derivatives& other) {
    value += other.value;
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += other.gradient[i];
    for (std::size_t i = 0; i < hessian.size(); ++i) hessian[i] += other.hessian[i];
    return *this;
  }

  /// As an objective to minimise: times `factor`, which is -1/customers for a mean.
  optim::Evaluation times(double factor) const {
    optim::Evaluation e;
    e.value = factor * value;
    e.gradient.resize(N);
    e.hessian.resize(N * N);
    for (std::size_t i = 0; i < N; ++i) {
      e.gradient[i] = factor * gradient[i];
      for (std::size_t j = 0; j <= i; ++j)
        e.hessian[i * N + j] = e.hessian[j * N + i] = factor * second(i, j);
    }
    return e;
  }
};

}  // namespace tenure::clv
