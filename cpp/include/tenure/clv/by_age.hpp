#pragma once
#include <functional>
#include <span>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// exp(log_f(x, T)) of every row, where log_f is smooth in T and dear: a prediction that depends on
/// frequency and age only. Rows are grouped by x; a group with many rows is interpolated in
/// log(offset + T) by Chebyshev polynomials of a degree that is raised until the coefficients reach
/// rounding, and evaluated directly where 80 nodes do not reach it. Relative error of interpolation
/// about 1e-13. O(n) plus 20 to 80 evaluations a distinct frequency; deterministic. log_f is called
/// from several threads; -inf is a value of 0.
Buffer<double> exp_by_age(std::span<const double> frequency, std::span<const double> age,
                          double offset, const std::function<double(double x, double age)>& log_f,
                          const Execution& execution);

}  // namespace tenure::clv
