#include "tenure/events/clean.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tenure/support/calendar.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::events {
namespace {

// Outside of these years a time is a mistaken unit, not a customer.
const std::int64_t kEarliest = day_of({1600, 1, 1}) * kMicrosPerDay;
const std::int64_t kLatest = day_of({2400, 1, 1}) * kMicrosPerDay;

// No money: and no sum of amounts or of their squares can overflow behind this gate.
constexpr double kLargestAmount = 1e150;

struct Block {
  std::size_t chunk;
  std::int64_t first, last;  // rows within the chunk
  std::int64_t base;         // row of the caller at which the chunk begins
};

struct Counted {
  DataReport report;
  std::int64_t fill_amount = 0;  // non-orders whose missing amount becomes 0
};

// Whether a block of plain cells has nothing to report: the case of nearly every block, and the
// only one that has to be fast. Comparisons are written so that NaN fails them.
bool nothing_to_report(const RawChunk& chunk, const Block& b, std::int64_t until) {
  const std::int64_t low = kEarliest, high = std::min(kLatest, until);
  bool fine = true;
  for (std::int64_t i = b.first; i < b.last; ++i)
    fine &= (chunk.time[i] >= low) & (chunk.time[i] < high);
  if (chunk.amount)
    for (std::int64_t i = b.first; i < b.last; ++i)
      fine &= (chunk.amount[i] >= 0.0) & (chunk.amount[i] <= kLargestAmount);
  return fine;
}

class Judge {
 public:
  Judge(const RawChunk& chunk, const CleanOptions& options, std::int64_t base)
      : chunk_(&chunk), options_(&options), base_(base) {}

  /// Counts the findings of row i and returns whether it goes into the log.
  bool operator()(std::int64_t i, Counted& counted) const {
    DataReport& r = counted.report;
    const std::int64_t row = base_ + i;
    ++r.rows;
    bool valid = true;
    if (!chunk_->customer_valid[i]) r.missing_customer.add(row), valid = false;
    bool cut = false;
    if (!chunk_->time_valid[i]) {
      r.missing_time.add(row), valid = false;
    } else if (chunk_->time[i] < kEarliest || chunk_->time[i] >= kLatest) {
      r.impossible_time.add(row), valid = false;
    } else if (options_->observed_until && chunk_->time[i] >= *options_->observed_until) {
      r.after_end.add(row), cut = true;
    }
    bool refund = false;
    if (chunk_->amount) {
      const double amount = chunk_->amount[i];
      const bool missing = !chunk_->amount_valid[i] || std::isnan(amount);
      if (options_->order_event.empty() || options_->order_event[chunk_->event[i]] != 0) {
        if (missing)
          r.missing_amount.add(row), valid = false;
        else if (std::abs(amount) > kLargestAmount)
          r.infinite_amount.add(row), valid = false;
        else if (amount < 0.0 && valid && !cut)
          r.refund.add(row), refund = true;
      } else if (missing) {
        ++counted.fill_amount;
      }
    }
    const bool kept =
        !cut && (valid || !options_->drop_invalid) && !(refund && options_->drop_refunds);
    r.kept += kept;
    return kept;
  }

 private:
  const RawChunk* chunk_;
  const CleanOptions* options_;
  std::int64_t base_;
};

bool has_bitmap(const RawChunk& c) {
  return c.customer_valid.bits || c.time_valid.bits || (c.amount && c.amount_valid.bits);
}

void add(DataReport& total, const DataReport& later) {
  total.rows += later.rows;
  total.kept += later.kept;
  total.missing_customer.append(later.missing_customer);
  total.missing_time.append(later.missing_time);
  total.impossible_time.append(later.impossible_time);
  total.missing_amount.append(later.missing_amount);
  total.infinite_amount.append(later.infinite_amount);
  total.after_end.append(later.after_end);
  total.refund.append(later.refund);
}

// Copies the rows that are kept, in order, with 0 for the amounts that do not matter.
CleanRows::Rewritten rewrite(const RawChunk& chunk, const CleanOptions& options, std::int64_t kept,
                             const Execution& execution) {
  CleanRows::Rewritten out;
  out.customer = Buffer<std::int64_t>(kept);
  out.time = Buffer<std::int64_t>(kept);
  if (chunk.amount) out.amount = Buffer<double>(kept);
  if (chunk.event) out.event = Buffer<std::uint16_t>(kept);
  out.row = Buffer<std::int64_t>(kept);
  const Judge judge(chunk, options, 0);
  Counted ignored;
  std::int64_t to = 0;
  for (std::int64_t i = 0; i < chunk.rows; ++i) {
    if (i % kBlockRows == 0) execution.poll();
    if (!judge(i, ignored)) continue;
    out.customer[to] = chunk.customer[i];
    out.time[to] = chunk.time[i];
    if (chunk.amount) {
      const bool missing = !chunk.amount_valid[i] || std::isnan(chunk.amount[i]);
      out.amount[to] = missing ? 0.0 : chunk.amount[i];
    }
    if (chunk.event) out.event[to] = chunk.event[i];
    out.row[to] = chunk.first_row + i;
    ++to;
  }
  return out;
}

}  // namespace

void Finding::append(const Finding& later) {
  for (std::int64_t i = 0; i < std::min<std::int64_t>(later.count, kShown) && count + i < kShown;
       ++i)
    first[static_cast<std::size_t>(count + i)] = later.first[static_cast<std::size_t>(i)];
  count += later.count;
}

CleanRows clean(const std::vector<RawChunk>& chunks, const CleanOptions& options,
                const Execution& execution) {
  std::vector<Block> blocks;
  std::int64_t base = 0;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    for (std::int64_t first = 0; first < chunks[c].rows; first += 4 * kBlockRows)
      blocks.push_back({c, first, std::min(chunks[c].rows, first + 4 * kBlockRows), base});
    base += chunks[c].rows;
  }

  const std::int64_t until = options.observed_until.value_or(kLatest);
  std::vector<Counted> counted(blocks.size());
  for_each_task(std::ssize(blocks), execution, [&](std::int64_t t) {
    const Block& b = blocks[static_cast<std::size_t>(t)];
    Counted& result = counted[static_cast<std::size_t>(t)];
    const RawChunk& chunk = chunks[b.chunk];
    if (!has_bitmap(chunk) && nothing_to_report(chunk, b, until)) {
      result.report.rows = result.report.kept = b.last - b.first;
      return;
    }
    const Judge judge(chunk, options, b.base);
    for (std::int64_t i = b.first; i < b.last; ++i) judge(i, result);
  });

  CleanRows clean;
  std::vector<std::int64_t> kept(chunks.size()), filled(chunks.size());
  for (std::size_t t = 0; t < blocks.size(); ++t) {
    add(clean.report, counted[t].report);
    kept[blocks[t].chunk] += counted[t].report.kept;
    filled[blocks[t].chunk] += counted[t].fill_amount;
  }
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    if (kept[c] == 0) continue;
    clean.chunks.push_back(chunks[c]);
    if (kept[c] == chunks[c].rows && filled[c] == 0) continue;
    const auto& own = clean.owned.emplace_back(rewrite(chunks[c], options, kept[c], execution));
    clean.chunks.back() = {kept[c],
                           own.customer.data(),
                           own.time.data(),
                           own.amount.empty() ? nullptr : own.amount.data(),
                           own.event.empty() ? nullptr : own.event.data(),
                           chunks[c].first_row,
                           own.row.data()};
  }
  return clean;
}

}  // namespace tenure::events
