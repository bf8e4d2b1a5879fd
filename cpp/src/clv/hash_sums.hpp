#pragma once
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace tenure::clv {

/// Sums by key, in the order in which the keys first came: open addressing over a dense list. The
/// hash is a product, of which the upper bits are taken.
template <class Key, class Sums, class Hash>
class HashSums {
 public:
  /// Room for `expected` keys with few collisions.
  explicit HashSums(std::size_t expected) { resize(std::bit_ceil(8 * expected + 16)); }

  Sums& operator[](const Key& key) {
    for (std::size_t s = Hash{}(key) >> shift_;; s = (s + 1) & mask_) {
      if (slots_[s] == kFree) [[unlikely]] {
        slots_[s] = static_cast<std::uint32_t>(entries_.size());
        entries_.push_back({key, Sums{}});
        if (4 * entries_.size() > slots_.size()) resize(4 * slots_.size());
        return entries_.back().sums;
      }
      Entry& entry = entries_[slots_[s]];
      if (entry.key == key) [[likely]]
        return entry.sums;
    }
  }

  struct Entry {
    Key key;
    Sums sums;
  };
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }

 private:
  static constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();

  void resize(std::size_t slots) {
    slots_.assign(slots, kFree);
    mask_ = slots - 1;
    shift_ = 64 - std::countr_zero(slots);
    for (std::size_t e = 0; e < entries_.size(); ++e) {
      std::size_t s = Hash{}(entries_[e].key) >> shift_;
      while (slots_[s] != kFree) s = (s + 1) & mask_;
      slots_[s] = static_cast<std::uint32_t>(e);
    }
  }

  std::size_t mask_ = 0;
  int shift_ = 0;
  std::vector<std::uint32_t> slots_;
  std::vector<Entry> entries_;
};

}  // namespace tenure::clv
