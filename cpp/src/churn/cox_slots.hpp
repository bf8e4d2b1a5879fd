#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cox_kernels.hpp"
#include "tenure/churn/cox_likelihood.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn::detail {

/// Rows at a time that are scaled into a tile and then multiplied.
inline std::int64_t tile_rows(std::int64_t stride) {
  return std::max<std::int64_t>(8, 4096 / stride);
}

/// Blocks of rows: a function of the sample alone, and at most 64, as each has a p x p sum.
inline std::int64_t block_rows(std::int64_t rows) {
  return std::max<std::int64_t>(2048, (rows + 63) / 64);
}

inline bool starts_stratum(const CoxData& d, std::int64_t g) {
  return g == 0 || d.deaths[static_cast<std::size_t>(g) - 1] == 0;
}

/// sum_i risk_i x_i over those at risk, as rows come and go. Where rows leave, a small risk set may
/// be what is left of large sums: then each sum is carried in twice the precision of a double.
/// [Knuth, TAOCP 2, sec. 4.2.2]
class RunningSum {
 public:
  RunningSum(std::int64_t stride, bool precise)
      : high_(static_cast<std::size_t>(stride), 0.0),
        low_(precise ? static_cast<std::size_t>(stride) : 0, 0.0) {}

  void clear() {
    std::fill(high_.begin(), high_.end(), 0.0);
    std::fill(low_.begin(), low_.end(), 0.0);
  }
  void add(const double* x, const double* c, std::int64_t rows) {
    const auto stride = static_cast<std::int64_t>(high_.size());
    if (low_.empty())
      add_rows(x, c, rows, stride, high_.data());
    else
      add_rows_precisely(x, c, rows, stride, high_.data(), low_.data());
  }
  void add(const RunningSum& other) {
    const double one = 1.0;
    add(other.high_.data(), &one, 1);
    for (std::size_t j = 0; j < low_.size(); ++j) low_[j] += other.low_[j];
  }
  double* high() { return high_.data(); }
  double* low() { return low_.empty() ? nullptr : low_.data(); }
  void value(double* out) const {
    for (std::size_t j = 0; j < high_.size(); ++j)
      out[j] = low_.empty() ? high_[j] : high_[j] + low_[j];
  }

 private:
  std::vector<double> high_, low_;
};

/// Rows of slot g join `sum`, and those who left at it leave.
inline void pass_slot(const CoxLikelihood& l, std::int64_t g, RunningSum& sum) {
  const CoxData& d = l.data();
  const auto slot = static_cast<std::size_t>(g);
  const double* const risk = l.risk().data();
  const double* const x = l.columns();
  const std::int64_t stride = l.stride();
  if (starts_stratum(d, g)) sum.clear();
  const std::int64_t first = d.row_begin[slot];
  sum.add(x + first * stride, risk + first, d.row_begin[slot + 1] - first);
  for (std::int64_t k = d.leave_begin[slot]; k < d.leave_begin[slot + 1]; ++k) {
    const std::int64_t i = d.leaver[static_cast<std::size_t>(k)];
    const double gone = -risk[i];
    sum.add(x + i * stride, &gone, 1);
  }
}

/// The sum at the begin of each block of slots.
inline std::vector<RunningSum> block_starts(const CoxLikelihood& l, const Execution& execution) {
  const CoxData& d = l.data();
  const auto blocks = l.blocks();
  const std::int64_t count = std::ssize(blocks) - 1, stride = l.stride();
  std::vector<RunningSum> start(static_cast<std::size_t>(count), RunningSum(stride, d.truncated));
  std::vector<std::uint8_t> fresh(static_cast<std::size_t>(count), 0);
  for_each_task(count - 1, execution, [&](std::int64_t block) {
    const auto b = static_cast<std::size_t>(block);
    // What came before the last stratum that begins in the block is forgotten.
    std::int64_t from = blocks[b + 1] - 1;
    while (from > blocks[b] && !starts_stratum(d, from)) --from;
    fresh[b + 1] = starts_stratum(d, from);
    const auto begin = static_cast<std::size_t>(from),
               end = static_cast<std::size_t>(blocks[b + 1]);
    const double* const risk = l.risk().data();
    constexpr std::int64_t kPollRows = 8192;
    for (std::int64_t i = d.row_begin[begin], next; i < d.row_begin[end]; i = next) {
      execution.poll();
      next = std::min(i + kPollRows, d.row_begin[end]);
      start[b + 1].add(l.columns() + i * stride, risk + i, next - i);
    }
    for (std::int64_t k = d.leave_begin[begin]; k < d.leave_begin[end]; ++k) {
      const std::int64_t i = d.leaver[static_cast<std::size_t>(k)];
      const double gone = -risk[i];
      start[b + 1].add(l.columns() + i * stride, &gone, 1);
    }
  });
  for (std::size_t b = 1; b < start.size(); ++b)
    if (!fresh[b]) start[b].add(start[b - 1]);
  return start;
}

/// Calls visit(block, slot, s1, t1) for each slot with churn: s1 = sum of risk_i x_i over those at
/// risk, t1 over those who churn at it (null unless ties count), each of `stride` doubles. Slots of
/// a block come in order; blocks run in parallel. Two passes over the rows: one for what each block
/// adds, one from where each block begins.
template <class Visit>
void for_each_slot(const CoxLikelihood& l, const Execution& execution, const Visit& visit) {
  const CoxData& d = l.data();
  const auto blocks = l.blocks();
  const std::int64_t count = std::ssize(blocks) - 1, stride = l.stride();
  const std::vector<RunningSum> start = block_starts(l, execution);
  for_each_task(count, execution, [&](std::int64_t block) {
    const auto b = static_cast<std::size_t>(block);
    RunningSum sum = start[b];
    std::vector<double> s1(static_cast<std::size_t>(stride)), t1(s1.size());
    for (std::int64_t g = blocks[b]; g < blocks[b + 1]; ++g) {
      if (g % 1024 == 0) execution.poll();
      const auto slot = static_cast<std::size_t>(g);
      pass_slot(l, g, sum);
      const std::int64_t deaths = d.deaths[slot];
      if (deaths == 0) continue;
      sum.value(s1.data());
      const bool tied = l.ties() == Ties::efron && deaths > 1;
      if (tied) {
        std::fill(t1.begin(), t1.end(), 0.0);
        const std::int64_t first = d.row_begin[slot + 1] - deaths;
        add_rows(l.columns() + first * stride, l.risk().data() + first, deaths, stride, t1.data());
      }
      visit(block, g, s1.data(), tied ? t1.data() : nullptr);
    }
  });
}

}  // namespace tenure::churn::detail
