#include "tenure/churn/isotonic.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/radix_sort.hpp"
#include "tenure/support/random.hpp"

namespace tenure::churn {
namespace {

constexpr std::int64_t kPollRows = 65'536;
constexpr auto kSign = std::uint64_t{1} << 63;

double require_valid(std::span<const double> score, std::span<const double> target,
                     std::span<const double> weight) {
  if (score.empty()) throw InvalidInput("score", -1, 0.0, "non-empty");
  if (target.size() != score.size())
    throw InvalidInput("target", -1, static_cast<double>(target.size()), "one a score");
  if (!weight.empty() && weight.size() != score.size())
    throw InvalidInput("weight", -1, static_cast<double>(weight.size()), "one a score");
  double total = 0.0;
  for (std::int64_t i = 0; i < std::ssize(score); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (!std::isfinite(score[at])) throw InvalidInput("score", i, score[at], "finite");
    if (!std::isfinite(target[at])) throw InvalidInput("target", i, target[at], "finite");
    const double w = weight.empty() ? 1.0 : weight[at];
    if (!(w >= 0.0 && std::isfinite(w))) throw InvalidInput("weight", i, w, "finite and >= 0");
    total += w;
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput("weight", -1, total, "positive and finite in sum");
  return total;
}

/// Rows of positive weight by ascending score, and of equal scores in their order.
Buffer<KeyedRow> ascending(std::span<const double> score, std::span<const double> weight,
                           const Execution& execution) {
  std::int64_t kept = std::ssize(score);
  for (const double w : weight) kept -= w == 0.0 ? 1 : 0;
  Buffer<KeyedRow> rows = mapped_buffer<KeyedRow>(kept, execution);
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < std::ssize(score) && at < kept; ++i) {
    if (i % kPollRows == 0) execution.poll();
    if (!weight.empty() && weight[static_cast<std::size_t>(i)] == 0.0) continue;
    const auto bits = std::bit_cast<std::uint64_t>(score[static_cast<std::size_t>(i)] + 0.0);
    rows[at++] = {(bits & kSign) != 0 ? ~bits : bits | kSign, i};
  }
  radix_sort(rows, execution);
  return rows;
}

double score_of(std::uint64_t key) {
  return std::bit_cast<double>((key & kSign) != 0 ? key & ~kSign : ~key);
}

/// Adjacent scores with one value.
struct Block {
  double first, last, weight, sum;
};

/// Means compared by products: exact where sums are whole numbers.
bool not_below(const Block& a, const Block& b) { return a.sum * b.weight >= b.sum * a.weight; }

/// Appends the block of the next score, pooled with those before it that it violates.
void add(std::vector<Block>& pool, Block block) {
  while (!pool.empty() && not_below(pool.back(), block)) {
    block.first = pool.back().first;
    block.weight += pool.back().weight;
    block.sum += pool.back().sum;
    pool.pop_back();
  }
  pool.push_back(block);
}

}  // namespace

IsotonicBlocks isotonic(std::span<const double> score, std::span<const double> target,
                        std::span<const double> weight, const Execution& execution) {
  // Weights over their mean, so that no product of two sums leaves the range of a double.
  const double total = require_valid(score, target, weight);
  const double unit = weight.empty() ? 1.0 : total / static_cast<double>(weight.size());
  const Buffer<KeyedRow> rows = ascending(score, weight, execution);
  std::vector<Block> pool;
  for (std::int64_t from = 0, polled = 0; from < rows.size();) {
    Block block{score_of(rows[from].key), score_of(rows[from].key), 0.0, 0.0};
    std::int64_t to = from;
    for (; to < rows.size() && rows[to].key == rows[from].key; ++to) {
      const auto row = static_cast<std::size_t>(rows[to].row);
      const double w = weight.empty() ? 1.0 : weight[row] / unit;
      block.weight += w;
      block.sum += w * target[row];
    }
    add(pool, block);
    from = to;
    if (from - polled > kPollRows) {
      execution.poll();
      polled = from;
    }
  }
  IsotonicBlocks found;
  for (const Block& b : pool) {
    found.first.push_back(b.first);
    found.last.push_back(b.last);
    found.value.push_back(b.sum / b.weight);
    found.weight.push_back(b.weight * unit);
  }
  return found;
}

std::vector<double> isotonic_consistency(std::span<const double> probability,
                                         std::span<const double> at, std::int64_t replicates,
                                         std::uint64_t seed, const Execution& execution) {
  if (probability.empty()) throw InvalidInput("probability", -1, 0.0, "non-empty");
  for (std::int64_t i = 0; i < std::ssize(probability); ++i) {
    const double p = probability[static_cast<std::size_t>(i)];
    if (!(p >= 0.0 && p <= 1.0)) throw InvalidInput("probability", i, p, "in [0, 1]");
  }
  for (std::size_t k = 0; k < at.size(); ++k)
    if (!std::isfinite(at[k]) || (k > 0 && !(at[k] > at[k - 1])))
      throw InvalidInput("at", static_cast<std::int64_t>(k), at[k], "finite and ascending");
  if (replicates < 1) throw InvalidInput("replicates", -1, static_cast<double>(replicates), ">= 1");

  const Buffer<KeyedRow> rows = ascending(probability, {}, execution);
  std::vector<double> forecast;
  std::vector<std::int64_t> copies;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || rows[i].key != rows[i - 1].key) {
      forecast.push_back(score_of(rows[i].key));
      copies.push_back(0);
    }
    ++copies.back();
  }
  std::vector<double> drawn(static_cast<std::size_t>(replicates) * at.size());
  for_each_task(replicates, execution, [&](std::int64_t replicate) {
    RandomStream random(seed, static_cast<std::uint64_t>(replicate));
    std::vector<Block> pool;
    std::int64_t polled = 0;
    for (std::size_t u = 0; u < forecast.size(); ++u) {
      Block block{forecast[u], forecast[u], static_cast<double>(copies[u]), 0.0};
      for (std::int64_t c = 0; c < copies[u]; ++c) {
        if (++polled % kPollRows == 0) execution.poll();
        block.sum += random.uniform() < forecast[u] ? 1.0 : 0.0;
      }
      add(pool, block);
    }
    std::size_t b = 0;
    for (std::size_t k = 0; k < at.size(); ++k) {
      while (b + 1 < pool.size() && pool[b + 1].first <= at[k]) ++b;
      drawn[static_cast<std::size_t>(replicate) * at.size() + k] = pool[b].sum / pool[b].weight;
    }
  });
  return drawn;
}

}  // namespace tenure::churn
