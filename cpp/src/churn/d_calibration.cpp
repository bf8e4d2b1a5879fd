#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/churn/survival_measures.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

/// x' A^-1 x by Cholesky's factorisation in place; NaN unless A is positive definite.
double quadratic_form(std::vector<double>& a, std::vector<double> x) {
  const std::size_t k = x.size();
  double sum = 0.0;
  for (std::size_t j = 0; j < k; ++j) {
    const double whole = a[j * k + j];
    double pivot = whole;
    for (std::size_t m = 0; m < j; ++m) pivot -= a[j * k + m] * a[j * k + m];
    if (!(pivot > 1e-12 * whole)) return std::numeric_limits<double>::quiet_NaN();
    a[j * k + j] = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < k; ++i) {
      for (std::size_t m = 0; m < j; ++m) a[i * k + j] -= a[i * k + m] * a[j * k + m];
      a[i * k + j] /= a[j * k + j];
    }
    for (std::size_t m = 0; m < j; ++m) x[j] -= a[j * k + m] * x[m];
    x[j] /= a[j * k + j];
    sum += x[j] * x[j];
  }
  return sum;
}

}  // namespace

DCalibration d_calibration(std::span<const double> survival, std::span<const std::uint8_t> churned,
                           std::int64_t bins, const Execution& execution) {
  const std::size_t n = survival.size();
  if (n == 0) throw InvalidInput("survival", -1, 0.0, "non-empty");
  if (churned.size() != n)
    throw InvalidInput("churned", -1, static_cast<double>(churned.size()), "as long as survival");
  if (bins < 2) throw InvalidInput("bins", -1, static_cast<double>(bins), ">= 2");
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (!(survival[i] >= 0.0 && survival[i] <= 1.0))
      throw InvalidInput("survival", row, survival[i], "a probability in [0, 1]");
    if (churned[i] > 1) throw InvalidInput("churned", row, churned[i], "0 or 1");
  }
  const auto count = static_cast<std::size_t>(bins);
  const double width = 1.0 / static_cast<double>(bins), rows = static_cast<double>(n);
  std::vector<double> sum(count, 0.0), product(count * count, 0.0), own(count);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 1024 == 0) execution.poll();
    const double s = survival[i];
    const auto last = std::min(static_cast<std::size_t>(s * static_cast<double>(bins)), count - 1);
    if (churned[i] || s == 0.0) {
      sum[last] += 1.0;
      product[last * count + last] += 1.0;
      continue;
    }
    for (std::size_t b = 0; b < last; ++b) own[b] = width / s;
    own[last] = (s - static_cast<double>(last) * width) / s;
    for (std::size_t b = 0; b <= last; ++b) {
      sum[b] += own[b];
      for (std::size_t c = 0; c <= b; ++c) product[b * count + c] += own[b] * own[c];
    }
  }
  DCalibration out;
  for (std::size_t b = 0; b < count; ++b) {
    const double share = sum[b] / rows, off = sum[b] - rows * width;
    const double variance = product[b * count + b] / rows - share * share;
    out.expected_share.push_back(share);
    out.standard_error.push_back(std::sqrt(std::max(variance, 0.0) / rows));
    out.statistic += off * off / (rows * width);
  }
  // Shares add up to 1: the last one tells nothing more.
  const std::size_t k = count - 1;
  std::vector<double> covariance(k * k), off(k);
  for (std::size_t b = 0; b < k; ++b) {
    off[b] = sum[b] / rows - width;
    for (std::size_t c = 0; c <= b; ++c)
      covariance[b * k + c] =
          (product[b * count + c] / rows - sum[b] / rows * (sum[c] / rows)) / rows;
  }
  out.wald = quadratic_form(covariance, off);
  return out;
}

}  // namespace tenure::churn
