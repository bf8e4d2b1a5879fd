#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tenure/simulate/customers.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/random.hpp"

namespace tenure::simulate {

/// Customers in one unit of parallel work: their rows stay in the cache and in recycled memory.
inline constexpr std::int64_t kBlockCustomers = 256;

enum class Feature : std::uint64_t {
  orders,
  spend,
  refunds,
  visits,
  funnel,
  subscriptions,
  contacts,
  surveys
};

/// The key of a feature's streams: the generator itself, at a stream that no customer has, hashes
/// (seed, feature, index).
inline std::uint64_t key_of(std::uint64_t seed, Feature feature, std::uint64_t index = 0) {
  const auto stream = ~static_cast<std::uint64_t>(feature);
  const auto words = RandomStream::philox(seed, stream, index);
  return static_cast<std::uint64_t>(words[0]) << 32 | words[1];
}

/// Turns elapsed units since the start into instants of the log.
class LogClock {
 public:
  LogClock(std::int64_t start, std::int64_t end, double unit, bool whole_days, const TimeZone& zone)
      : start_(start), end_(end), unit_(unit) {
    if (!whole_days) return;
    const std::int64_t first = zone.local_day(start), last = zone.local_day(end - 1);
    for (std::int64_t day = first; day <= last + 1; ++day)
      day_start_.push_back(zone.start_of_day(day));
  }

  /// Units in [start, end): an event is observed if it comes earlier.
  double horizon() const { return static_cast<double>(end_ - start_) / unit_; }

  std::int64_t instant(double elapsed) const {
    const double micros = elapsed * unit_;
    if (!(micros < static_cast<double>(end_ - start_))) return kNever;
    return floored(start_ + static_cast<std::int64_t>(micros));
  }

  /// The instant itself, or the first one of its local day.
  std::int64_t floored(std::int64_t time) const {
    if (day_start_.empty()) return time;
    // Days are 24 hours but for a few: the guess is at most one or two off.
    const auto last = static_cast<std::int64_t>(day_start_.size()) - 2;
    auto day = std::clamp<std::int64_t>((time - day_start_[0]) / kMicrosPerDay, 0, last);
    while (day_start_[day] > time) --day;
    while (day_start_[day + 1] <= time) ++day;
    return day_start_[day];
  }

 private:
  std::int64_t start_, end_;
  double unit_;
  std::vector<std::int64_t> day_start_;  // first instants of the local days, one after the end
};

/// An amount as money: a whole multiple of 1 / scale, and not 0. Scale 0 keeps it as it is.
inline double money(double amount, double scale) {
  return scale > 0.0 ? std::max(1.0, std::nearbyint(amount * scale)) / scale : amount;
}

/// One column of many blocks, end to end. Empties the blocks' columns.
template <class Block, class T>
Buffer<T> join(std::vector<Block>& blocks, std::vector<T> Block::* column,
               const Execution& execution) {
  std::vector<std::int64_t> offset{0};
  for (const Block& b : blocks)
    offset.push_back(offset.back() + static_cast<std::int64_t>((b.*column).size()));
  Buffer<T> joined(offset.back());
  for_each_task(static_cast<std::int64_t>(blocks.size()), execution, [&](std::int64_t i) {
    auto& from = blocks[i].*column;
    std::copy(from.begin(), from.end(), joined.data() + offset[i]);
    std::vector<T>().swap(from);
  });
  return joined;
}

/// Runs body(block, customer) for every customer, each block's output in one Block.
template <class Block, class Body>
std::vector<Block> draw_blocks(std::int64_t customers, const Execution& execution,
                               const Body& body) {
  std::vector<Block> blocks(block_count(customers, kBlockCustomers));
  for_each_block(
      customers, execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
          body(blocks[block], i);
        }
      },
      kBlockCustomers);
  return blocks;
}

}  // namespace tenure::simulate
