#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tenure/clv/derivatives.hpp"
#include "tenure/optim/result.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// The likelihood of one set of customers, read and grouped once, for those who ask for it often.
/// A value that shares what it holds: copies are cheap.
struct PreparedLikelihood {
  std::size_t parameters = 0;
  double customers = 0.0;  ///< sum of weights
  /// Log-likelihood with gradient and, if asked for, Hessian, at logarithms of parameters in the
  /// caller's units.
  /// May be called from several threads. Never throws but for an interrupt: where a parameter
  /// overflows the value is not finite.
  std::function<optim::Evaluation(std::span<const double> log_parameters, Order, const Execution&)>
      at = {};
  std::vector<std::vector<double>> starts = {};  ///< for a search of its maximum, as logarithms
};

}  // namespace tenure::clv
