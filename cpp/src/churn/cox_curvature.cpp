#include <algorithm>
#include <cmath>
#include <numeric>

#include "cox_kernels.hpp"
#include "cox_slots.hpp"
#include "tenure/churn/cox_likelihood.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

/// Sums of risk_i x_i by slot where many rows share a slot, as where times are whole days: each row
/// is read once for the two sums, and all that follows runs over slots. Empty where it would not
/// pay, and where rows leave, whose sums need more digits.
class SlotSums {
 public:
  SlotSums(const CoxLikelihood& at, const Execution& execution) : stride_(at.stride()) {
    const CoxData& d = at.data();
    if (d.truncated || d.rows() < 4 * d.slots()) return;
    joined_ = Buffer<double>(d.slots() * stride_);
    own_ = Buffer<double>(d.slots() * stride_);
    const auto blocks = at.blocks();
    for_each_task(std::ssize(blocks) - 1, execution, [&](std::int64_t block) {
      const auto b = static_cast<std::size_t>(block);
      const double* const x = at.columns();
      const double* const risk = at.risk().data();
      for (std::int64_t g = blocks[b]; g < blocks[b + 1]; ++g) {
        execution.poll();
        const auto slot = static_cast<std::size_t>(g);
        const std::int64_t first = d.row_begin[slot], last = d.row_begin[slot + 1],
                           died = last - d.deaths[slot];
        double *const own = own_.data() + g * stride_, *const all = joined_.data() + g * stride_;
        std::fill_n(own, stride_, 0.0);
        detail::add_rows(x + died * stride_, risk + died, last - died, stride_, own);
        std::copy_n(own, stride_, all);
        detail::add_rows(x + first * stride_, risk + first, died - first, stride_, all);
      }
    });
    row_begin_.resize(static_cast<std::size_t>(d.slots()) + 1);
    std::iota(row_begin_.begin(), row_begin_.end(), std::int64_t{0});
    one_.assign(static_cast<std::size_t>(d.slots()), 1.0);
  }

  bool empty() const { return one_.empty(); }
  const double* own(std::int64_t g) const { return own_.data() + g * stride_; }

  /// Each slot as one row of risk 1.
  detail::SlotRun run(const CoxData& d) const {
    return {joined_.data(),    one_.data(),          stride_,
            row_begin_.data(), d.leave_begin.data(), d.leaver.data()};
  }

  /// The sum at the begin of each block of slots.
  std::vector<detail::RunningSum> block_starts(const CoxLikelihood& at) const {
    const auto blocks = at.blocks();
    std::vector<detail::RunningSum> start;
    detail::RunningSum sum(stride_, false);
    for (std::size_t b = 0; b + 1 < blocks.size(); ++b) {
      start.push_back(sum);
      for (std::int64_t g = blocks[b]; g < blocks[b + 1]; ++g) {
        if (detail::starts_stratum(at.data(), g)) sum.clear();
        sum.add(joined_.data() + g * stride_, one_.data(), 1);
      }
    }
    return start;
  }

 private:
  std::int64_t stride_;
  Buffer<double> joined_, own_;  ///< slots x stride
  std::vector<std::int64_t> row_begin_;
  std::vector<double> one_;
};

/// Adds the outer products of the means at the slots of a block: with c_j = W/d sum_k f_k^j /
/// D_k^2,
///
///     c0 s s' - c1 (s t' + t s') + c2 t t' = c0 (s - m t)(s - m t)' + (c2 - c1 m) t t',  m = c1 /
///     c0.
class MeanProducts {
 public:
  MeanProducts(const CoxLikelihood& at, const SlotSums& sums, std::span<const double> multiplier,
               std::int64_t tile, double* out)
      : at_(at),
        sums_(sums),
        multiplier_(multiplier),
        tile_(tile),
        rows_(static_cast<std::size_t>(2 * tile * at.stride())),
        root_(static_cast<std::size_t>(tile)),
        own_(static_cast<std::size_t>(at.stride())),
        out_(out) {}

  void walk(std::int64_t begin, std::int64_t end, detail::RunningSum& sum,
            const Execution& execution) {
    const CoxData& d = at_.data();
    for (std::int64_t first = begin, last; first < end; first = last) {
      execution.poll();
      if (detail::starts_stratum(d, first)) sum.clear();
      last = first;
      while (last < end && last - first < tile_ &&
             (last == first || !detail::starts_stratum(d, last)))
        ++last;
      chunk(first, last, sum);
    }
  }

 private:
  double times(std::size_t g) const { return multiplier_.empty() ? 1.0 : multiplier_[g]; }

  /// Slots of one stratum, at most `tile`: a row each, and a second one where ties count.
  void chunk(std::int64_t first, std::int64_t last, detail::RunningSum& sum) {
    const CoxData& d = at_.data();
    const SlotTerms& s = at_.slots();
    for (std::int64_t g = first; g < last; ++g) {
      const auto slot = static_cast<std::size_t>(g);
      root_[static_cast<std::size_t>(g - first)] = std::sqrt(times(slot) * s.square[slot]);
    }
    const detail::SlotRun run =
        sums_.empty() ? detail::SlotRun{at_.columns(),      at_.risk().data(),    at_.stride(),
                                        d.row_begin.data(), d.leave_begin.data(), d.leaver.data()}
                      : sums_.run(d);
    std::int64_t rows =
        detail::running_sums(run, first, last, root_.data(), sum.high(), sum.low(), rows_.data());
    if (at_.ties() == Ties::efron) rows += correct_ties(first, last, rows);
    detail::add_outer(rows_.data(), rows, at_.stride(), out_);
  }

  std::int64_t correct_ties(std::int64_t first, std::int64_t last, std::int64_t rows) {
    const CoxData& d = at_.data();
    const SlotTerms& s = at_.slots();
    const std::int64_t stride = at_.stride();
    std::int64_t more = 0;
    double* row = rows_.data();
    for (std::int64_t g = first; g < last; ++g) {
      const auto slot = static_cast<std::size_t>(g);
      const double root = root_[static_cast<std::size_t>(g - first)];
      if (!(root > 0.0)) continue;
      const std::int64_t deaths = d.deaths[slot];
      if (deaths > 1) {
        const double* const own = sum_of_own(g);
        const double mean = s.square_own[slot] / s.square[slot];
        const double rest = times(slot) * (s.square_own2[slot] - mean * s.square_own[slot]);
        const double own_root = std::sqrt(std::max(rest, 0.0));
        double* const second = rows_.data() + (rows + more++) * stride;
        for (std::int64_t j = 0; j < stride; ++j) {
          row[j] -= root * mean * own[j];
          second[j] = own_root * own[j];
        }
      }
      row += stride;
    }
    return more;
  }

  const double* sum_of_own(std::int64_t g) {
    if (!sums_.empty()) return sums_.own(g);
    const CoxData& d = at_.data();
    const std::int64_t deaths = d.deaths[static_cast<std::size_t>(g)];
    const std::int64_t from = d.row_begin[static_cast<std::size_t>(g) + 1] - deaths;
    std::ranges::fill(own_, 0.0);
    detail::add_rows(at_.columns() + from * at_.stride(), at_.risk().data() + from, deaths,
                     at_.stride(), own_.data());
    return own_.data();
  }

  const CoxLikelihood& at_;
  const SlotSums& sums_;
  std::span<const double> multiplier_;
  std::int64_t tile_;
  std::vector<double> rows_, root_, own_;
  double* out_;
};

}  // namespace

std::vector<double> CoxLikelihood::curvature(std::span<const double> multiplier,
                                             std::vector<double>* score,
                                             const Execution& execution) const {
  const CoxData& d = data_;
  const std::int64_t stride = d.stride, tile = detail::tile_rows(stride);
  const auto square = static_cast<std::size_t>(stride * stride);

  // The slots' hazard, each times its multiplier, as rows meet it.
  std::vector<double> hazard, own, cumulative;
  const bool scaled = !multiplier.empty();
  if (scaled) {
    for (std::size_t g = 0; g < multiplier.size(); ++g) {
      hazard.push_back(slots_.hazard[g] * multiplier[g]);
      own.push_back(slots_.own[g] * multiplier[g]);
    }
    cumulative = cumulate(hazard);
  }
  const double* const lambda = scaled ? cumulative.data() : slots_.cumulative.data();
  const double* const less = scaled ? own.data() : slots_.own.data();

  const std::int64_t size = detail::block_rows(d.rows());
  const std::int64_t row_blocks = block_count(d.rows(), size);
  std::vector<double> rows_part(static_cast<std::size_t>(row_blocks) * square, 0.0);
  std::vector<double> score_part(static_cast<std::size_t>(row_blocks * stride), 0.0);
  for_each_block(
      d.rows(), execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        std::vector<double> v(static_cast<std::size_t>(tile * stride));
        std::vector<double> root(static_cast<std::size_t>(tile)), residual(root.size());
        for (std::int64_t begin = first; begin < last; begin += tile) {
          execution.poll();
          const std::int64_t n = std::min(tile, last - begin);
          for (std::int64_t k = 0; k < n; ++k) {
            const auto i = static_cast<std::size_t>(begin + k), at = static_cast<std::size_t>(k);
            double met = lambda[d.first[i]] - lambda[d.last[i]];
            if (d.churned[i]) met -= less[d.first[i]];
            residual[at] = d.weight[i] * d.churned[i] - risk_[i] * met;
            root[at] = std::sqrt(std::max(risk_[i] * met, 0.0));
          }
          const double* const x = d.x.data() + begin * stride;
          if (score)
            detail::add_rows(x, residual.data(), n, stride, score_part.data() + block * stride);
          detail::scale_rows(x, root.data(), n, stride, v.data());
          detail::add_outer(v.data(), n, stride, rows_part.data() + block * stride * stride);
        }
      },
      size);

  const std::int64_t slot_blocks = std::ssize(slot_block_) - 1;
  std::vector<double> slots_part(static_cast<std::size_t>(slot_blocks) * square, 0.0);
  const SlotSums sums(*this, execution);
  const auto start =
      sums.empty() ? detail::block_starts(*this, execution) : sums.block_starts(*this);
  for_each_task(slot_blocks, execution, [&](std::int64_t block) {
    const auto b = static_cast<std::size_t>(block);
    detail::RunningSum sum = start[b];
    MeanProducts(*this, sums, multiplier, tile, slots_part.data() + block * stride * stride)
        .walk(slot_block_[b], slot_block_[b + 1], sum, execution);
  });

  const std::int64_t p = d.columns;
  std::vector<double> out(static_cast<std::size_t>(p * p), 0.0);
  for (std::int64_t j = 0; j < p; ++j)
    for (std::int64_t k = 0; k <= j; ++k) {
      const auto at = static_cast<std::size_t>(j * stride + k);
      double plus = 0.0, minus = 0.0;
      for (std::int64_t b = 0; b < row_blocks; ++b)
        plus += rows_part[static_cast<std::size_t>(b) * square + at];
      for (std::int64_t b = 0; b < slot_blocks; ++b)
        minus += slots_part[static_cast<std::size_t>(b) * square + at];
      out[static_cast<std::size_t>(j * p + k)] = out[static_cast<std::size_t>(k * p + j)] =
          plus - minus;
    }
  if (score) {
    score->assign(static_cast<std::size_t>(p), 0.0);
    for (std::int64_t b = 0; b < row_blocks; ++b)
      for (std::int64_t j = 0; j < p; ++j)
        (*score)[static_cast<std::size_t>(j)] +=
            score_part[static_cast<std::size_t>(b * stride + j)];
  }
  return out;
}

}  // namespace tenure::churn
