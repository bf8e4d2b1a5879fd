#include "tenure/clv/by_age.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr int kDegrees[] = {10, 20, 40, 80};
constexpr int kRows = 2048;  // side by side in the cache
constexpr int kChunk = 256;
constexpr int kDirect = 1024;  // frequencies below are looked up, those above searched for
constexpr std::int64_t kCounted = 65'536;

TENURE_CLONES void log_ages(double offset, const double* age, int n, double* out) {
  for (int i = 0; i < n; ++i) out[i] = special::vector_log(offset + age[i]);
}

/// Clenshaw's recurrence for some rows: log(offset + T) in, exp of the polynomial out.
TENURE_CLONES void clenshaw(const double* coefficient, int terms, double scale, double shift,
                            const double* log_age, int n, double* out) {
  alignas(64) double u[kChunk], next[kChunk], after[kChunk];
  for (int i = 0; i < n; ++i) {
    u[i] = 2.0 * (scale * log_age[i] - shift);
    next[i] = after[i] = 0.0;
  }
  for (int k = terms - 1; k >= 1; --k)
    for (int i = 0; i < n; ++i) {
      const double b = coefficient[k] + u[i] * next[i] - after[i];
      after[i] = next[i];
      next[i] = b;
    }
  for (int i = 0; i < n; ++i)
    out[i] = special::vector_exp(coefficient[0] + 0.5 * u[i] * next[i] - after[i]);
}

}  // namespace

void ByAge::Ages::operator+=(const Ages& other) {
  shortest = std::min(shortest, other.shortest);
  longest = std::max(longest, other.longest);
  rows += other.rows;
}

ByAge::Interpolant ByAge::interpolate(const Ages& ages, double offset,
                                      const std::function<double(double)>& f) {
  if (ages.rows < 2 * kDegrees[0]) return {};
  const double low = std::log(offset + ages.shortest), high = std::log(offset + ages.longest);
  if (!(high > low)) return {0.0, 0.0, {f(ages.shortest)}};
  Interpolant p{2.0 / (high - low), (high + low) / (high - low), {}};
  std::vector<double> value;
  for (const int n : kDegrees) {
    if (2 * n > ages.rows) break;  // fewer calls without a polynomial
    value.resize(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
      const double u = std::cos(std::numbers::pi * (i + 0.5) / n);
      const double age = std::exp((u + p.shift) / p.scale) - offset;
      value[static_cast<std::size_t>(i)] = f(std::clamp(age, ages.shortest, ages.longest));
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

ByAge::ByAge(std::span<const double> frequency, std::span<const double> age, double offset,
             std::vector<Function> log_f, const Execution& execution)
    : frequency_(frequency), age_(age), offset_(offset), log_f_(std::move(log_f)) {
  count(execution);
  const std::size_t functions = log_f_.size();
  interpolant_.resize(x_.size() * functions);
  for_each_task(std::ssize(interpolant_), execution, [&](std::int64_t task) {
    const auto at = static_cast<std::size_t>(task), g = at / functions;
    interpolant_[at] =
        interpolate(ages_[g], offset_, [&](double t) { return log_f_[at % functions](x_[g], t); });
  });
}

void ByAge::count(const Execution& execution) {
  struct Counts {
    std::vector<Ages> direct = std::vector<Ages>(kDirect);
    std::vector<std::pair<double, Ages>> rare;
    void operator+=(const Counts& other) {
      for (std::size_t x = 0; x < direct.size(); ++x) direct[x] += other.direct[x];
      rare.insert(rare.end(), other.rare.begin(), other.rare.end());
    }
  };
  const auto part = [&](std::int64_t from, std::int64_t to) {
    Counts c;
    Ages* const direct = c.direct.data();
    for (std::int64_t i = from; i < to; ++i) {
      const double x = frequency_.empty() ? 0.0 : frequency_[static_cast<std::size_t>(i)];
      const double t = age_[static_cast<std::size_t>(i)];
      if (x >= 0.0 && x < kDirect) {
        Ages& ages = direct[static_cast<std::int64_t>(x)];
        ages.shortest = t < ages.shortest ? t : ages.shortest;
        ages.longest = t > ages.longest ? t : ages.longest;
        ++ages.rows;
      } else if (x >= kDirect) {
        c.rare.emplace_back(x, Ages{1, t, t});
      }
    }
    return c;
  };
  Counts all = block_reduce(std::ssize(age_), execution, Counts{}, part, kCounted);
  direct_.assign(kDirect, 0);
  for (std::size_t x = 0; x < kDirect; ++x) {
    if (all.direct[x].rows == 0) continue;
    direct_[x] = static_cast<std::int32_t>(x_.size());
    x_.push_back(static_cast<double>(x));
    ages_.push_back(all.direct[x]);
  }
  std::ranges::sort(all.rare, {}, [](const auto& r) { return r.first; });
  for (const auto& [x, ages] : all.rare) {
    if (x_.empty() || x_.back() != x) {
      x_.push_back(x);
      ages_.emplace_back();
    }
    ages_.back() += ages;
  }
  const auto none = static_cast<std::int32_t>(x_.size());
  for (std::size_t x = 0; x < kDirect; ++x)
    if (all.direct[x].rows == 0) direct_[x] = none;
}

/// Where a large frequency is in `x_`; behind its end if another thread has changed it since.
std::size_t ByAge::search(double x) const {
  const auto at = std::ranges::lower_bound(x_, x);
  return at != x_.end() && *at == x ? static_cast<std::size_t>(at - x_.begin()) : x_.size();
}

void ByAge::evaluate(std::int64_t from, std::int64_t to, std::span<double* const> out) const {
  std::vector<double*> at(out.begin(), out.end());
  for (; from < to; from += kRows) {
    const int n = static_cast<int>(std::min<std::int64_t>(kRows, to - from));
    evaluate_few(from, n, at.data());
    for (double*& column : at) column += n;
  }
}

void ByAge::evaluate_few(std::int64_t from, int n, double* const* out) const {
  alignas(64) double log_age[kRows], sorted[kRows];
  double result[kChunk];
  std::int32_t group[kRows], order[kRows];
  log_ages(offset_, age_.data() + from, n, log_age);
  // A stable counting sort; the last group has no function.
  std::vector<std::int32_t> first(x_.size() + 2, 0);
  const double* const frequency = frequency_.empty() ? nullptr : frequency_.data() + from;
  const std::int32_t* const direct = direct_.data();
  for (int i = 0; i < n; ++i) {
    const double x = frequency == nullptr ? 0.0 : frequency[i];
    group[i] = x >= 0.0 && x < kDirect ? direct[static_cast<std::int64_t>(x)]
                                       : static_cast<std::int32_t>(search(x));
    ++first[static_cast<std::size_t>(group[i]) + 1];
  }
  for (std::size_t g = 1; g < first.size(); ++g) first[g] += first[g - 1];
  for (int i = 0; i < n; ++i) order[first[static_cast<std::size_t>(group[i])]++] = i;
  // Now first[g] is where group g ends.
  for (int i = 0; i < n; ++i) sorted[i] = log_age[order[i]];
  std::int32_t begin = 0;
  for (std::size_t g = 0; g + 1 < first.size(); begin = first[g], ++g) {
    if (begin == first[g]) continue;
    for (std::size_t j = 0; j < log_f_.size(); ++j) {
      const bool known = g < x_.size();
      const Interpolant* p = known ? &interpolant_[g * log_f_.size() + j] : nullptr;
      if (!known || p->coefficient.empty()) {
        for (std::int32_t i = begin; i < first[g]; ++i) {
          const double age = age_[static_cast<std::size_t>(from + order[i])];
          out[j][order[i]] = known ? std::exp(log_f_[j](x_[g], age)) : 0.0;
        }
        continue;
      }
      for (std::int32_t i = begin; i < first[g]; i += kChunk) {
        const int m = std::min(kChunk, first[g] - i);
        clenshaw(p->coefficient.data(), static_cast<int>(p->coefficient.size()), p->scale, p->shift,
                 sorted + i, m, result);
        for (int k = 0; k < m; ++k) out[j][order[i + k]] = result[k];
      }
    }
  }
}

Buffer<double> exp_by_age(std::span<const double> frequency, std::span<const double> age,
                          double offset, const ByAge::Function& log_f, const Execution& execution) {
  const ByAge by_age(frequency, age, offset, {log_f}, execution);
  Buffer<double> result(std::ssize(age));
  for_each_block(result.size(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    double* const out[] = {result.data() + from};
    by_age.evaluate(from, to, out);
  });
  return result;
}

}  // namespace tenure::clv
