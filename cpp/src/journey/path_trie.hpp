#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tenure/support/errors.hpp"

namespace tenure::journey {

/// Paths of codes as nodes of a tree: the node of a path is its parent's (the path without its last
/// code) and that code. A hash table finds the child of a node; equal nodes mean equal paths, of
/// any length. Node 0 is the empty path; others are numbered as they come, parents first.
class PathTrie {
 public:
  static constexpr std::int32_t kRoot = 0;
  static constexpr std::int32_t kAbsent = -1;

  PathTrie() : parent_{kAbsent}, code_{kAbsent}, slot_(64) {}

  std::int64_t size() const { return std::ssize(parent_); }
  std::int32_t parent(std::int32_t node) const { return parent_[static_cast<std::size_t>(node)]; }
  std::int32_t code(std::int32_t node) const { return code_[static_cast<std::size_t>(node)]; }

  std::int32_t find(std::int32_t node, std::int32_t code) const {
    return slot_[place(key_of(node, code))].node;
  }

  std::int32_t find_or_add(std::int32_t node, std::int32_t code) {
    const std::uint64_t key = key_of(node, code);
    const std::size_t at = place(key);
    if (slot_[at].node != kAbsent) return slot_[at].node;
    if (size() == INT32_MAX)
      throw InvalidInput("log", -1, std::string("has more than 2^31 different paths"));
    const auto added = static_cast<std::int32_t>(size());
    slot_[at] = {key, added};
    parent_.push_back(node);
    code_.push_back(code);
    if (parent_.size() * 2 > slot_.size()) grow();
    return added;
  }

  /// The codes of a path, the first first.
  void path_of(std::int32_t node, std::vector<std::int32_t>& out) const {
    out.clear();
    for (; node != kRoot; node = parent(node)) out.push_back(code(node));
    for (std::size_t i = 0, j = out.size(); i + 1 < j; ++i) std::swap(out[i], out[--j]);
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::int32_t node = kAbsent;
  };

  static std::uint64_t key_of(std::int32_t node, std::int32_t code) {
    return static_cast<std::uint64_t>(node) << 32 | static_cast<std::uint32_t>(code);
  }

  /// Where a key is, or would be put.
  std::size_t place(std::uint64_t key) const {
    const std::size_t mask = slot_.size() - 1;
    std::uint64_t h = key * 0x9E3779B97F4A7C15u;
    std::size_t at = (h ^ h >> 32) & mask;
    while (slot_[at].node != kAbsent && slot_[at].key != key) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(slot_.size() * 2);
    old.swap(slot_);
    for (const Slot& s : old)
      if (s.node != kAbsent) slot_[place(s.key)] = s;
  }

  std::vector<std::int32_t> parent_, code_;
  std::vector<Slot> slot_;
};

}  // namespace tenure::journey
