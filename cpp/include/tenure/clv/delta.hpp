#pragma once
#include <cstdint>
#include <functional>
#include <span>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// A prediction for each row, and its standard error on the scale of `Scale`.
struct Estimates {
  Buffer<double> value, standard_error;
};

enum class Scale : std::uint8_t {
  identity,  ///< of the value itself
  log,       ///< of the logarithm of the value, as for counts and money
};

/// Standard errors of predictions from the covariance of the logarithms of the parameters, by the
/// delta method: sqrt(g' C g), where g is the gradient of the scaled prediction in log-parameters.
/// It is taken along the columns of a square root of C, by central differences of step 1e-4
/// (relative error about 1e-8). Uncertainty of the parameters only, not of what a customer will do.
/// 0 where the prediction is not finite on its scale (the log of 0; certainty), NaN if C holds a
/// NaN. Costs 2 k + 1 predictions for k parameters. Throws what `predict` throws, and InvalidInput
/// unless C is k x k.
Estimates delta_method(
    std::span<const double> parameters, std::span<const double> log_covariance, Scale scale,
    const std::function<Buffer<double>(std::span<const double> parameters)>& predict,
    const Execution& execution);

}  // namespace tenure::clv
