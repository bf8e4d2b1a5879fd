#include "tenure/churn/cox_data.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cox_kernels.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/radix_sort.hpp"

namespace tenure::churn {
namespace {

constexpr std::int64_t kPollRows = 65'536;
/// Beyond it, adding x'b to an offset would lose the digits of x'b.
constexpr double kLargestOffset = 1e6;
/// exp of what is further below the largest offset is no double.
constexpr double kWidestOffset = 700.0;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void require_length(const char* argument, std::size_t length, std::size_t rows) {
  if (length != rows)
    throw InvalidInput(argument, -1, static_cast<double>(length), "as long as duration");
}

void require_lengths(const CoxSample& s) {
  const std::size_t n = s.duration.size();
  if (n == 0) throw InvalidInput("duration", -1, 0.0, "non-empty");
  require_length("churned", s.churned.size(), n);
  if (s.columns < 1 || s.x.size() != n * static_cast<std::size_t>(s.columns))
    throw InvalidInput("X", -1, "X must have one row for each duration");
  if (s.entry) require_length("entry", s.entry->size(), n);
  if (s.weight) require_length("sample_weight", s.weight->size(), n);
  if (s.offset) require_length("offset", s.offset->size(), n);
  if (s.stratum) require_length("strata", s.stratum->size(), n);
}

void require_row(const CoxSample& s, std::int64_t row) {
  const auto i = static_cast<std::size_t>(row);
  const double t = s.duration[i];
  if (!(std::isfinite(t) && t >= 0.0)) throw InvalidInput("duration", row, t, "finite and >= 0");
  if (s.churned[i] > 1) throw InvalidInput("churned", row, s.churned[i], "0 or 1");
  if (s.entry) {
    const double e = (*s.entry)[i];
    if (!(e >= 0.0 && (e < t || e == 0.0)))
      throw InvalidInput("entry", row, e, ">= 0 and < duration (or 0: observed from the start)");
  }
  if (s.weight) {
    const double w = (*s.weight)[i];
    if (!(std::isfinite(w) && w >= 0.0))
      throw InvalidInput("sample_weight", row, w, "finite and >= 0");
  }
  if (s.offset && !(std::abs((*s.offset)[i]) <= kLargestOffset))
    throw InvalidInput("offset", row, (*s.offset)[i], "finite, from -1e6 to 1e6");
  if (s.stratum && (*s.stratum)[i] < 0) throw InvalidInput("strata", row, "strata must be >= 0");
}

double weight_of(const CoxSample& s, std::int64_t row) {
  return s.weight ? (*s.weight)[static_cast<std::size_t>(row)] : 1.0;
}

/// Extremes and moments of each column about its first row, so that a far mean costs no digits.
struct Moments {
  std::vector<double> least, most, sum, square;
  double weight = 0.0;

  Moments() = default;
  explicit Moments(std::size_t columns)
      : least(columns, std::numeric_limits<double>::infinity()),
        most(columns, -std::numeric_limits<double>::infinity()),
        sum(columns, 0.0),
        square(columns, 0.0) {}
  Moments& operator+=(const Moments& other) {
    for (std::size_t j = 0; j < sum.size(); ++j) {
      least[j] = std::min(least[j], other.least[j]);
      most[j] = std::max(most[j], other.most[j]);
      sum[j] += other.sum[j];
      square[j] += other.square[j];
    }
    weight += other.weight;
    return *this;
  }
};

Moments moments_of(const CoxSample& s, const Execution& execution) {
  const auto p = static_cast<std::size_t>(s.columns);
  return block_reduce(std::ssize(s.duration), execution, Moments(p),
                      [&](std::int64_t first, std::int64_t last) {
                        Moments m(p);
                        for (std::int64_t i = first; i < last; ++i) {
                          require_row(s, i);
                          const double w = weight_of(s, i);
                          const double* const row = s.x.data() + i * s.columns;
                          double finite = 0.0;  // becomes NaN if any cell is not finite
                          for (std::size_t j = 0; j < p; ++j) {
                            const double x = row[j], d = x - s.x[j];
                            finite += 0.0 * x;
                            m.least[j] = x < m.least[j] ? x : m.least[j];
                            m.most[j] = x > m.most[j] ? x : m.most[j];
                            m.sum[j] += w * d;
                            m.square[j] += w * d * d;
                          }
                          if (!(finite == 0.0)) {
                            std::size_t j = 0;
                            while (std::isfinite(row[j])) ++j;
                            throw InvalidInput("X", i, row[j], "finite");
                          }
                          m.weight += w;
                        }
                        return m;
                      });
}

void scale_columns(const CoxSample& s, const Execution& execution, CoxData& out) {
  Moments m = moments_of(s, execution);
  if (!(m.weight > 0.0 && std::isfinite(m.weight)))
    throw InvalidInput("sample_weight", -1, m.weight, "positive and finite in sum");
  out.total_weight = m.weight;
  for (std::size_t j = 0; j < m.sum.size(); ++j) {
    const double shift = m.sum[j] / m.weight;
    double variance = m.square[j] / m.weight - shift * shift;
    const double range = m.most[j] - m.least[j];
    // Only a scale: where the moments cancelled or overflowed, the range is as good.
    if (!(variance > 1e-12 * range * range && std::isfinite(variance))) variance = range * range;
    const double spread = std::sqrt(variance);
    out.mean.push_back(std::isfinite(shift) ? s.x[j] + shift : 0.0);
    out.scale.push_back(spread > 0.0 && std::isfinite(spread) ? spread : 1.0);
  }
  out.least = std::move(m.least);
  out.most = std::move(m.most);
}

/// Rows by stratum, from the last time to the first, churn last among equal times.
std::vector<std::int64_t> ordered(const CoxSample& s, std::int64_t strata,
                                  const Execution& execution) {
  const std::int64_t n = std::ssize(s.duration);
  Buffer<KeyedRow> keyed(n);
  std::int64_t at = 0;
  for (const bool churned : {false, true})
    for (std::int64_t i = 0; i < n; ++i) {
      if (i % kPollRows == 0) execution.poll();
      const auto row = static_cast<std::size_t>(i);
      if ((s.churned[row] != 0) == churned) keyed[at++] = {~ordered_key(s.duration[row]), i};
    }
  radix_sort(keyed, execution);

  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  if (!s.stratum) {
    for (std::int64_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = keyed[i].row;
    return order;
  }
  std::vector<std::int64_t> begin(static_cast<std::size_t>(strata) + 1, 0);
  for (const std::int32_t k : *s.stratum) ++begin[static_cast<std::size_t>(k) + 1];
  for (std::size_t k = 1; k < begin.size(); ++k) begin[k] += begin[k - 1];
  for (std::int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>((*s.stratum)[static_cast<std::size_t>(keyed[i].row)]);
    order[static_cast<std::size_t>(begin[k]++)] = keyed[i].row;
  }
  return order;
}

/// exp(offset) is a factor on the hazard: those of a stratum must be comparable as doubles, or the
/// likelihood is that of the largest alone.
void require_comparable_offsets(const CoxSample& s, std::int64_t strata) {
  if (!s.offset) return;
  std::vector<double> largest(static_cast<std::size_t>(strata),
                              -std::numeric_limits<double>::infinity());
  const auto largest_of = [&](std::size_t i) -> double& {
    return largest[s.stratum ? static_cast<std::size_t>((*s.stratum)[i]) : 0];
  };
  const std::size_t n = s.duration.size();
  for (std::size_t i = 0; i < n; ++i)
    if (weight_of(s, static_cast<std::int64_t>(i)) > 0.0)
      largest_of(i) = std::max(largest_of(i), (*s.offset)[i]);
  for (std::size_t i = 0; i < n; ++i)
    if (weight_of(s, static_cast<std::int64_t>(i)) > 0.0 &&
        (*s.offset)[i] < largest_of(i) - kWidestOffset)
      throw InvalidInput("offset", static_cast<std::int64_t>(i), (*s.offset)[i],
                         "at most 700 below the largest offset of its stratum");
}

/// Finds the slots of each stratum and, for each row that is at risk at one, its first and last.
class SlotWalk {
 public:
  SlotWalk(const CoxSample& sample, CoxData& out, const Execution& execution)
      : s_(sample), out_(out), execution_(execution) {}

  void stratum(std::span<const std::int64_t> rows, std::int32_t k) {
    const std::int64_t begin = out_.slots();
    out_.slot_begin.push_back(begin);
    std::int64_t row_begin = out_.rows();
    for (const std::int64_t row : rows) {
      const auto i = static_cast<std::size_t>(row);
      const double w = weight_of(s_, row);
      if (++walked_ % kPollRows == 0) execution_.poll();
      if (w == 0.0) continue;
      const double t = s_.duration[i];
      if (s_.churned[i]) {
        if (out_.slots() == begin || out_.time.back() != t) open(t, row_begin);
        ++out_.deaths.back();
        out_.death_weight.back() += w;
      }
      out_.source.push_back(row);
      out_.weight.push_back(w);
      out_.churned.push_back(s_.churned[i]);
      out_.stratum.push_back(k);
      if (s_.churned[i]) row_begin = out_.rows();  // whoever comes next joins at the next slot
    }
    open(kNaN, row_begin);
  }

 private:
  void open(double time, std::int64_t row_begin) {
    out_.time.push_back(time);
    out_.deaths.push_back(0);
    out_.death_weight.push_back(0.0);
    out_.row_begin.push_back(row_begin);
  }

  const CoxSample& s_;
  CoxData& out_;
  const Execution& execution_;
  std::int64_t walked_ = 0;
};

/// Keeps the rows that are at risk at some slot, in their order, and says at which.
void keep_rows(const CoxSample& s, CoxData& d, const Execution& execution) {
  std::int64_t kept = 0;
  const std::int64_t all = d.rows();
  d.first.resize(static_cast<std::size_t>(all));
  d.last.resize(static_cast<std::size_t>(all));
  for (std::int64_t k = 0; k < d.strata; ++k) {
    const std::int64_t end = d.slot_begin[static_cast<std::size_t>(k) + 1] - 1;
    const auto* const times = d.time.data();
    const std::int64_t begin = d.slot_begin[static_cast<std::size_t>(k)];
    for (std::int64_t g = begin; g <= end; ++g) {
      const auto slot = static_cast<std::size_t>(g);
      const std::int64_t from = d.row_begin[slot];
      const std::int64_t to = d.row_begin[slot + 1];
      d.row_begin[slot] = kept;
      if (g == end) break;
      for (std::int64_t i = from; i < to; ++i) {
        if (i % kPollRows == 0) execution.poll();
        const auto row = static_cast<std::size_t>(i), to_row = static_cast<std::size_t>(kept);
        const double entry = s.entry ? (*s.entry)[static_cast<std::size_t>(d.source[row])] : 0.0;
        std::int64_t last = end;
        if (entry > 0.0)
          last = std::lower_bound(times + g, times + end, entry,
                                  [](double time, double e) { return time > e; }) -
                 times;
        if (last == g) continue;
        d.source[to_row] = d.source[row];
        d.weight[to_row] = d.weight[row];
        d.churned[to_row] = d.churned[row];
        d.stratum[to_row] = static_cast<std::int32_t>(k);
        d.first[to_row] = g;
        d.last[to_row] = last;
        d.truncated |= last != end;
        ++kept;
      }
    }
  }
  d.row_begin.back() = kept;
  const auto size = static_cast<std::size_t>(kept);
  d.source.resize(size);
  d.weight.resize(size);
  d.churned.resize(size);
  d.stratum.resize(size);
  d.first.resize(size);
  d.last.resize(size);
}

void list_leavers(CoxData& d) {
  const auto slots = static_cast<std::size_t>(d.slots());
  d.leave_begin.assign(slots + 1, 0);
  if (!d.truncated) return;
  // The end of a stratum forgets its sums: whoever stays until then need not leave.
  const auto leaves = [&](std::size_t i) {
    return d.deaths[static_cast<std::size_t>(d.last[i])] > 0;
  };
  for (std::size_t i = 0; i < d.last.size(); ++i)
    if (leaves(i)) ++d.leave_begin[static_cast<std::size_t>(d.last[i]) + 1];
  for (std::size_t g = 1; g <= slots; ++g) d.leave_begin[g] += d.leave_begin[g - 1];
  std::vector<std::int64_t> at(d.leave_begin.begin(), d.leave_begin.end() - 1);
  d.leaver.resize(static_cast<std::size_t>(d.leave_begin.back()));
  for (std::size_t i = 0; i < d.last.size(); ++i)
    if (leaves(i))
      d.leaver[static_cast<std::size_t>(at[static_cast<std::size_t>(d.last[i])]++)] =
          static_cast<std::int64_t>(i);
}

}  // namespace

CoxData prepare_cox(const CoxSample& s, const Execution& execution) {
  require_lengths(s);
  CoxData d;
  d.sample_rows = std::ssize(s.duration);
  d.columns = s.columns;
  d.stride = (s.columns + 7) / 8 * 8;
  scale_columns(s, execution, d);
  if (s.weight) d.weighted = std::ranges::any_of(*s.weight, [](double w) { return w != 1.0; });
  d.strata = s.stratum ? std::int64_t{*std::ranges::max_element(*s.stratum)} + 1 : 1;
  if (d.strata > d.sample_rows) throw InvalidInput("strata", -1, "strata must be 0, 1, ...");
  require_comparable_offsets(s, d.strata);

  const std::vector<std::int64_t> order = ordered(s, d.strata, execution);
  const auto n = order.size();
  d.source.reserve(n);
  d.weight.reserve(n);
  d.churned.reserve(n);
  d.stratum.reserve(n);
  SlotWalk walk(s, d, execution);
  for (std::size_t at = 0, k = 0; k < static_cast<std::size_t>(d.strata); ++k) {
    const std::size_t begin = at;
    while (at < n && (!s.stratum || (*s.stratum)[static_cast<std::size_t>(order[at])] ==
                                        static_cast<std::int32_t>(k)))
      ++at;
    walk.stratum(std::span(order).subspan(begin, at - begin), static_cast<std::int32_t>(k));
  }
  d.slot_begin.push_back(d.slots());
  d.row_begin.push_back(d.rows());
  keep_rows(s, d, execution);
  list_leavers(d);

  const std::int64_t p = d.columns;
  if (s.offset) {
    for (const std::int64_t row : d.source)
      d.offset.push_back((*s.offset)[static_cast<std::size_t>(row)]);
  } else {
    d.offset.assign(d.source.size(), 0.0);
  }
  std::vector<double> unit;
  for (const double scale : d.scale) unit.push_back(1.0 / scale);
  d.x = Buffer<double>(d.rows() * d.stride);
  const auto row_of = [&](std::int64_t i) {
    return s.x.data() + d.source[static_cast<std::size_t>(i)] * p;
  };
  for_each_block(d.rows(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    // Rows are read in the order of time, not of memory: without a hint each is waited for.
    constexpr std::int64_t kAhead = 16, kLine = 64 / sizeof(double);
    for (std::int64_t i = first; i < last; ++i) {
      if (i + kAhead < last)
        for (std::int64_t j = 0; j < std::min(p, 8 * kLine); j += kLine)
          __builtin_prefetch(row_of(i + kAhead) + j);
      detail::standardise(row_of(i), d.mean.data(), unit.data(), p, d.x.data() + i * d.stride);
      std::fill(d.x.data() + i * d.stride + p, d.x.data() + (i + 1) * d.stride, 0.0);
    }
  });
  return d;
}

std::vector<double> linear_predictor(const CoxData& d, std::span<const double> beta) {
  std::vector<double> out(static_cast<std::size_t>(d.sample_rows), 0.0);
  for (std::size_t i = 0; i < d.source.size(); ++i) {
    double eta = d.offset[i];
    for (std::size_t j = 0; j < beta.size(); ++j)
      eta += d.x[static_cast<std::int64_t>(i) * d.stride + static_cast<std::int64_t>(j)] * beta[j];
    out[static_cast<std::size_t>(d.source[i])] = eta;
  }
  return out;
}

}  // namespace tenure::churn
