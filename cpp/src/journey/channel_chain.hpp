#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "path_trie.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::journey {

/// States of a chain of channels: the last `order` channels of a path, fewer at its beginning, none
/// at the start (state 0). Known before transitions are counted, so that they have fixed places.
class ChannelChain {
 public:
  ChannelChain() = default;
  /// `states` holds every state as a path; closed by `close` before use.
  ChannelChain(std::int32_t channels, int order) : channels_(channels), order_(order) {
    for (std::int32_t c = 0; c < channels; ++c) states_.find_or_add(PathTrie::kRoot, c);
  }

  int order() const { return order_; }
  std::size_t states() const { return static_cast<std::size_t>(states_.size()); }
  /// Places of transitions: from each state to each channel, to conversion and to null.
  std::size_t cells() const { return states() * targets(); }
  std::size_t targets() const { return static_cast<std::size_t>(channels_) + 2; }

  /// Adds the states of a path. Throws InvalidInput if they become too many.
  void learn(std::span<const std::int32_t> channel);
  /// Adds those of another chain.
  void learn(const ChannelChain& other);
  /// Finds where each transition leads.
  void close();

  /// Calls count(cell) for each transition of a path with a touch.
  template <class Count>
  void transitions(std::span<const std::int32_t> channel, bool converted,
                   const Count& count) const {
    std::size_t state = 0;
    for (const std::int32_t c : channel) {
      count(state * targets() + static_cast<std::size_t>(c));
      state = static_cast<std::size_t>(
          next_[state * static_cast<std::size_t>(channels_) + static_cast<std::size_t>(c)]);
    }
    count(state * targets() + static_cast<std::size_t>(channels_) + (converted ? 0 : 1));
  }

  /// Removal effect of every channel, from the weights of transitions by cell.
  std::vector<double> removal_effects(std::span<const double> weight,
                                      const Execution& execution) const;

 private:
  void require_few() const;

  std::int32_t channels_ = 0;
  int order_ = 1;
  PathTrie states_;
  std::vector<std::int32_t> next_;                  ///< states x channels; kAbsent: never seen
  std::vector<std::vector<std::int32_t>> holding_;  ///< by channel: the states that contain it
};

}  // namespace tenure::journey
