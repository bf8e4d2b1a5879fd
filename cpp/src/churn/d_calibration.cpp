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
                           std::int64_t bins, const std::optional<std::span<const double>>& weight,
                           const Execution& execution) {
  const std::size_t n = survival.size();
  if (n == 0) throw InvalidInput("survival", -1, 0.0, "non-empty");
  if (churned.size() != n)
    throw InvalidInput("churned", -1, static_cast<double>(churned.size()), "as long as survival");
  if (weight && weight->size() != n)
    throw InvalidInput("sample_weight", -1, static_cast<double>(weight->size()),
                       "as long as survival");
  if (bins < 2) throw InvalidInput("bins", -1, static_cast<double>(bins), ">= 2");
  double total = 0.0, squares = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (!(survival[i] >= 0.0 && survival[i] <= 1.0))
      throw InvalidInput("survival", row, survival[i], "a probability in [0, 1]");
    if (churned[i] > 1) throw InvalidInput("churned", row, churned[i], "0 or 1");
    const double w = weight ? (*weight)[i] : 1.0;
    if (!(std::isfinite(w) && w >= 0.0))
      throw InvalidInput("sample_weight", row, w, "finite and >= 0");
    total += w;
    squares += w * w;
  }
  if (!(total > 0.0 && squares > 0.0 && std::isfinite(squares)))
    throw InvalidInput("sample_weight", -1, total, "positive in sum, and finite when squared");
  const auto count = static_cast<std::size_t>(bins);
  const double width = 1.0 / static_cast<double>(bins);
  // Sums of w own, w^2 own and w^2 own own'.
  std::vector<double> sum(count, 0.0), squared(count, 0.0), product(count * count, 0.0), own(count);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 1024 == 0) execution.poll();
    const double s = survival[i], w = weight ? (*weight)[i] : 1.0;
    const auto last = std::min(static_cast<std::size_t>(s * static_cast<double>(bins)), count - 1);
    if (churned[i] || s == 0.0) {
      sum[last] += w;
      squared[last] += w * w;
      product[last * count + last] += w * w;
      continue;
    }
    for (std::size_t b = 0; b < last; ++b) own[b] = width / s;
    own[last] = (s - static_cast<double>(last) * width) / s;
    for (std::size_t b = 0; b <= last; ++b) {
      sum[b] += w * own[b];
      squared[b] += w * w * own[b];
      for (std::size_t c = 0; c <= b; ++c) product[b * count + c] += w * w * own[b] * own[c];
    }
  }
  const double effective = total / squares * total;
  const auto covariance_of = [&](std::size_t b, std::size_t c) {
    const double p = sum[b] / total, q = sum[c] / total;
    return (product[b * count + c] - p * squared[c] - q * squared[b] + p * q * squares) / total /
           total;
  };
  DCalibration out;
  for (std::size_t b = 0; b < count; ++b) {
    const double share = sum[b] / total, off = share - width;
    out.expected_share.push_back(share);
    out.standard_error.push_back(std::sqrt(std::max(covariance_of(b, b), 0.0)));
    out.statistic += effective * off * off / width;
  }
  // Shares add up to 1: the last one tells nothing more.
  const std::size_t k = count - 1;
  std::vector<double> covariance(k * k), off(k);
  for (std::size_t b = 0; b < k; ++b) {
    off[b] = sum[b] / total - width;
    for (std::size_t c = 0; c <= b; ++c) covariance[b * k + c] = covariance_of(b, c);
  }
  out.wald = quadratic_form(covariance, off);
  return out;
}

}  // namespace tenure::churn
