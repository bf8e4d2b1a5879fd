#include "tenure/churn/logistic_data.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "logistic_kernels.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void require_length(const char* argument, std::size_t length, std::int64_t rows) {
  if (static_cast<std::int64_t>(length) != rows)
    throw InvalidInput(argument, -1,
                       "must have one value for each of the " + std::to_string(rows) +
                           " rows, got " + std::to_string(length));
}

void require_rows(const LogisticSample& s, std::int64_t rows) {
  require_length("y", s.event.size(), rows);
  if (s.weight) require_length("sample_weight", s.weight->size(), rows);
  if (s.offset) require_length("offset", s.offset->size(), rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (s.event[at] > 1) throw InvalidInput("y", i, s.event[at], "0 or 1");
    if (s.weight && !((*s.weight)[at] >= 0.0 && std::isfinite((*s.weight)[at])))
      throw InvalidInput("sample_weight", i, (*s.weight)[at], "finite and >= 0");
    if (s.offset && !std::isfinite((*s.offset)[at]))
      throw InvalidInput("offset", i, (*s.offset)[at], "finite");
  }
}

struct Moments {
  std::vector<double> sum, square, least, most;
  explicit Moments(std::size_t p) : sum(p), square(p), least(p, kInfinity), most(p, -kInfinity) {}
  Moments& operator+=(const Moments& other) {
    for (std::size_t j = 0; j < sum.size(); ++j) {
      sum[j] += other.sum[j];
      square[j] += other.square[j];
      least[j] = std::min(least[j], other.least[j]);
      most[j] = std::max(most[j], other.most[j]);
    }
    return *this;
  }
};

Moments moments(const LogisticData& d, const std::vector<double>& shift,
                const Execution& execution) {
  const auto p = static_cast<std::size_t>(d.columns);
  return block_reduce(d.rows, execution, Moments(p), [&](std::int64_t first, std::int64_t last) {
    Moments part(p);
    detail::add_moments(d.x.data() + first * d.columns,
                        d.weight.empty() ? nullptr : d.weight.data() + first, last - first,
                        d.columns, shift.data(),
                        {part.sum.data(), part.square.data(), part.least.data(), part.most.data()});
    return part;
  });
}

void require_finite(const LogisticData& d, const Execution& execution) {
  for_each_block(d.rows, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      for (std::int64_t j = 0; j < d.columns; ++j) {
        const double v = d.x[static_cast<std::size_t>(i * d.columns + j)];
        if (!std::isfinite(v)) throw InvalidInput("X", i, v, "finite");
      }
  });
}

void measure(LogisticData& d, bool centred, const Execution& execution) {
  const auto p = static_cast<std::size_t>(d.columns);
  const double total = d.total_weight;
  // About a point that the column takes, so that a far mean costs no digits.
  std::vector<double> shift(d.x.begin(), d.x.begin() + static_cast<std::ptrdiff_t>(p));
  for (double& s : shift)
    if (!std::isfinite(s)) s = 0.0;
  Moments found = moments(d, shift, execution);
  const auto finite = [](double v) { return std::isfinite(v); };
  // A row of weight 0 is no part of the sums, but its cells are checked as others are.
  const bool unseen = std::ranges::find(d.weight, 0.0) != d.weight.end();
  if (unseen || !std::ranges::all_of(found.square, finite)) require_finite(d, execution);
  bool far = false;
  for (std::size_t j = 0; j < p; ++j) {
    const double mean = found.sum[j] / total, square = found.square[j] / total;
    far = far || (std::isfinite(square) && mean * mean > 0.999 * square && mean != 0.0);
  }
  if (far) {
    for (std::size_t j = 0; j < p; ++j)
      if (std::isfinite(found.square[j])) shift[j] += found.sum[j] / total;
    found = moments(d, shift, execution);
  }
  d.centre.assign(p, 0.0);
  d.scale.assign(p, 1.0);
  for (std::size_t j = 0; j < p; ++j) {
    const double mean = found.sum[j] / total;
    const double spread = std::sqrt(std::max(found.square[j] / total - mean * mean, 0.0));
    const bool constant = found.least[j] == found.most[j];
    if (!constant && !std::isfinite(spread)) continue;
    if (centred && d.intercept) d.centre[j] = constant ? found.least[j] : shift[j] + mean;
    if (constant) continue;
    if (spread > 0.0) d.scale[j] = spread;
  }
  d.least = std::move(found.least);
  d.most = std::move(found.most);
}

}  // namespace

LogisticData prepare_logistic(const LogisticSample& sample, const Execution& execution) {
  LogisticData d;
  d.x = sample.x;
  d.columns = sample.columns;
  d.rows = std::ssize(sample.x) / std::max<std::int64_t>(sample.columns, 1);
  d.intercept = sample.intercept;
  d.terms = d.columns + (d.intercept ? 1 : 0);
  d.stride = (d.terms + 7) / 8 * 8;
  require_rows(sample, d.rows);
  d.event.assign(sample.event.begin(), sample.event.end());
  if (sample.weight) d.weight.assign(sample.weight->begin(), sample.weight->end());
  if (sample.offset) d.offset.assign(sample.offset->begin(), sample.offset->end());
  const auto weight = [&](std::int64_t i) {
    return d.weight.empty() ? 1.0 : d.weight[static_cast<std::size_t>(i)];
  };
  d.total_weight = block_sum(d.rows, execution, weight);
  d.event_weight = block_sum(d.rows, execution, [&](std::int64_t i) {
    return d.event[static_cast<std::size_t>(i)] ? weight(i) : 0.0;
  });
  if (!(d.total_weight > 0.0 && std::isfinite(d.total_weight)))
    throw InvalidInput("sample_weight", -1, "must have a finite sum > 0");
  measure(d, sample.centred, execution);
  return d;
}

}  // namespace tenure::churn
