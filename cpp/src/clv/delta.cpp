#include "tenure/clv/delta.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr double kStep = 1e-4;

/// Lower triangular L with L L' = C, column by column; a direction without variance gives a column
/// of zeros.
std::vector<std::vector<double>> root_columns(std::span<const double> c, std::size_t n) {
  std::vector<std::vector<double>> columns(n, std::vector<double>(n, 0.0));
  for (std::size_t j = 0; j < n; ++j) {
    double pivot = c[j * n + j];
    for (std::size_t k = 0; k < j; ++k) pivot -= columns[k][j] * columns[k][j];
    if (!(pivot > 1e-14 * c[j * n + j])) continue;
    const double root = std::sqrt(pivot);
    for (std::size_t i = j; i < n; ++i) {
      double sum = c[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= columns[k][i] * columns[k][j];
      columns[j][i] = sum / root;
    }
  }
  return columns;
}

}  // namespace

Estimates delta_method(
    std::span<const double> parameters, std::span<const double> log_covariance, Scale scale,
    const std::function<Buffer<double>(std::span<const double> parameters)>& predict,
    const Execution& execution) {
  const std::size_t n = parameters.size();
  if (log_covariance.size() != n * n)
    throw InvalidInput("log_covariance", -1, static_cast<double>(log_covariance.size()),
                       "of one row and one column for each parameter");
  Estimates out{predict(parameters), {}};
  const std::int64_t rows = out.value.size();
  out.standard_error = Buffer<double>(rows);
  const bool known = std::ranges::all_of(log_covariance, [](double c) { return std::isfinite(c); });
  std::ranges::fill(out.standard_error.span(),
                    known ? 0.0 : std::numeric_limits<double>::quiet_NaN());
  if (!known) return out;

  for (const auto& column : root_columns(log_covariance, n)) {
    double length = 0.0;
    for (const double c : column) length = std::hypot(length, c);
    if (length == 0.0) continue;
    std::vector<double> up(n), down(n);
    for (std::size_t i = 0; i < n; ++i) {
      const double factor = std::exp(kStep * column[i] / length);
      up[i] = parameters[i] * factor;
      down[i] = parameters[i] / factor;
    }
    const Buffer<double> high = predict(up), low = predict(down);
    for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i) {
        const double change = scale == Scale::log ? std::log(high[i] / low[i]) : high[i] - low[i];
        const double slope = change * length / (2.0 * kStep);
        if (std::isfinite(slope)) out.standard_error[i] += slope * slope;
      }
    });
  }
  for (double& s : out.standard_error.span()) s = std::sqrt(s);
  return out;
}

}  // namespace tenure::clv
