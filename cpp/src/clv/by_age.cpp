#include "tenure/clv/by_age.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "tenure/clv/frequency_groups.hpp"
#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr int kDegrees[] = {20, 40, 80};
constexpr int kChunk = 256;

/// A polynomial in u = scale * log(offset + T) - shift, u in [-1, 1]; without coefficients: none
/// fits.
struct Interpolant {
  double scale = 0.0, shift = 0.0;
  std::vector<double> coefficient;
};

template <class F>
Interpolant interpolate(double from, double to, double offset, const F& f) {
  const double low = std::log(offset + from), high = std::log(offset + to);
  if (!(high > low)) return {0.0, 0.0, {f(from)}};
  Interpolant p{2.0 / (high - low), (high + low) / (high - low), {}};
  std::vector<double> value;
  for (const int n : kDegrees) {
    value.resize(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
      const double u = std::cos(std::numbers::pi * (i + 0.5) / n);
      const double age = std::exp((u + p.shift) / p.scale) - offset;
      value[static_cast<std::size_t>(i)] = f(std::clamp(age, from, to));
    }
    std::vector<double> c(static_cast<std::size_t>(n), 0.0);
    double largest = 0.0;
    for (int k = 0; k < n; ++k) {
      double sum = 0.0;
      for (int i = 0; i < n; ++i)
        sum += value[static_cast<std::size_t>(i)] * std::cos(std::numbers::pi * k * (i + 0.5) / n);
      c[static_cast<std::size_t>(k)] = sum * (k == 0 ? 1.0 : 2.0) / n;
      largest = std::max(largest, std::abs(c[static_cast<std::size_t>(k)]));
    }
    // An absolute error of the logarithm is a relative one of the result. NaN and infinity fail.
    const double tail =
        std::abs(c[c.size() - 1]) + std::abs(c[c.size() - 2]) + std::abs(c[c.size() - 3]);
    const double rounding = 2e-15 * std::max(1.0, largest);
    if (tail <= 4.0 * rounding) {
      while (c.size() > 1 && std::abs(c.back()) <= 0.1 * rounding) c.pop_back();
      p.coefficient = std::move(c);
      break;
    }
  }
  return p;
}

/// Clenshaw's recurrence for a chunk of rows: age in, exp of the polynomial out.
TENURE_CLONES void evaluate(const double* coefficient, int terms, double scale, double shift,
                            double offset, double* age, int n) {
  alignas(64) double u[kChunk], next[kChunk], after[kChunk];
  for (int i = 0; i < n; ++i) {
    u[i] = 2.0 * (scale * special::vector_log(offset + age[i]) - shift);
    next[i] = after[i] = 0.0;
  }
  for (int k = terms - 1; k >= 1; --k)
    for (int i = 0; i < n; ++i) {
      const double b = coefficient[k] + u[i] * next[i] - after[i];
      after[i] = next[i];
      next[i] = b;
    }
  for (int i = 0; i < n; ++i)
    age[i] = special::vector_exp(coefficient[0] + 0.5 * u[i] * next[i] - after[i]);
}

}  // namespace

Buffer<double> exp_by_age(std::span<const double> frequency, std::span<const double> age,
                          double offset, const std::function<double(double x, double age)>& log_f,
                          const Execution& execution) {
  const std::int64_t rows = std::ssize(frequency);
  if (rows < 2 * kDegrees[0]) {  // no group can be large enough
    Buffer<double> few(rows);
    for (std::int64_t i = 0; i < rows; ++i) few[i] = std::exp(log_f(frequency[i], age[i]));
    return few;
  }
  Buffer<std::int64_t> order(rows);
  const FrequencyGroups groups = group_by_frequency(
      frequency, 0.0, execution, [&](std::int64_t row, std::int64_t at) { order[at] = row; });

  std::vector<Interpolant> polynomial(static_cast<std::size_t>(groups.groups()));
  for_each_task(groups.groups(), execution, [&](std::int64_t g) {
    const std::int64_t from = groups.first[g], to = groups.first[g + 1];
    if (to - from < 2 * kDegrees[0]) return;
    double shortest = age[order[from]], longest = shortest;
    for (std::int64_t i = from; i < to; ++i) {
      shortest = std::min(shortest, age[order[i]]);
      longest = std::max(longest, age[order[i]]);
    }
    polynomial[static_cast<std::size_t>(g)] =
        interpolate(shortest, longest, offset, [&](double t) { return log_f(groups.x[g], t); });
  });

  Buffer<double> result(rows);
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    auto g =
        static_cast<std::size_t>(std::upper_bound(groups.first.begin(), groups.first.end(), from) -
                                 groups.first.begin() - 1);
    alignas(64) double buffer[kChunk];
    for (; from < to; ++g) {
      const std::int64_t end = std::min(to, groups.first[g + 1]);
      const Interpolant& p = polynomial[g];
      if (p.coefficient.empty()) {
        for (; from < end; ++from)
          result[order[from]] = std::exp(log_f(groups.x[g], age[order[from]]));
      }
      while (from < end) {
        const int n = static_cast<int>(std::min<std::int64_t>(kChunk, end - from));
        for (int i = 0; i < n; ++i) buffer[i] = age[order[from + i]];
        evaluate(p.coefficient.data(), static_cast<int>(p.coefficient.size()), p.scale, p.shift,
                 offset, buffer, n);
        for (int i = 0; i < n; ++i) result[order[from + i]] = buffer[i];
        from += n;
      }
    }
  });
  return result;
}

}  // namespace tenure::clv
