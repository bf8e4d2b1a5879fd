#include "channel_chain.hpp"

#include <Eigen/LU>
#include <algorithm>

#include "tenure/journey/attribution.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {

void ChannelChain::require_few() const {
  if (states_.size() > kMaxChainStates)
    throw InvalidInput("order", -1, static_cast<double>(order_),
                       "so low that the chain has at most 512 states: lower it, or have fewer "
                       "channels");
}

void ChannelChain::learn(std::span<const std::int32_t> channel) {
  if (order_ < 2) return;
  const auto k = static_cast<std::size_t>(order_);
  for (std::size_t i = 0; i < channel.size(); ++i) {
    std::int32_t node = PathTrie::kRoot;
    for (std::size_t j = i + 1 > k ? i + 1 - k : 0; j <= i; ++j)
      node = states_.find_or_add(node, channel[j]);
    if (states_.size() > kMaxChainStates) require_few();
  }
}

void ChannelChain::learn(const ChannelChain& other) {
  std::vector<std::int32_t> node(other.states(), PathTrie::kRoot);
  for (std::size_t i = 1; i < node.size(); ++i) {
    const auto child = static_cast<std::int32_t>(i);
    node[i] = states_.find_or_add(node[static_cast<std::size_t>(other.states_.parent(child))],
                                  other.states_.code(child));
  }
}

void ChannelChain::close() {
  require_few();
  const auto channels = static_cast<std::size_t>(channels_);
  next_.assign(states() * channels, PathTrie::kAbsent);
  holding_.assign(channels, {});
  std::vector<std::int32_t> path;
  for (std::size_t s = 0; s < states(); ++s) {
    states_.path_of(static_cast<std::int32_t>(s), path);
    for (const std::int32_t c : path) {
      auto& holding = holding_[static_cast<std::size_t>(c)];
      if (holding.empty() || holding.back() != static_cast<std::int32_t>(s))
        holding.push_back(static_cast<std::int32_t>(s));
    }
    const std::size_t drop = path.size() < static_cast<std::size_t>(order_) ? 0 : 1;
    for (std::size_t c = 0; c < channels; ++c) {
      std::int32_t node = PathTrie::kRoot;
      for (std::size_t j = drop; j < path.size() && node != PathTrie::kAbsent; ++j)
        node = states_.find(node, path[j]);
      next_[s * channels + c] =
          node == PathTrie::kAbsent ? node : states_.find(node, static_cast<std::int32_t>(c));
    }
  }
}

std::vector<double> ChannelChain::removal_effects(std::span<const double> weight,
                                                  const Execution& execution) const {
  const auto n = static_cast<Eigen::Index>(states());
  const auto channels = static_cast<std::size_t>(channels_);
  Eigen::MatrixXd a = Eigen::MatrixXd::Identity(n, n);
  Eigen::VectorXd converts = Eigen::VectorXd::Zero(n);
  for (std::size_t s = 0; s < states(); ++s) {
    const auto row = weight.subspan(s * targets(), targets());
    double total = 0.0;
    for (const double w : row) total += w;
    if (!(total > 0.0)) continue;  // a state that nobody was in: it leads nowhere
    const auto i = static_cast<Eigen::Index>(s);
    for (std::size_t c = 0; c < channels; ++c)
      if (row[c] > 0.0) a(i, next_[s * channels + c]) -= row[c] / total;
    converts(i) = row[channels] / total;
  }
  execution.poll();
  // Every path ends, so I - Q is a nonsingular M-matrix: its inverse, the expected visits of each
  // state from each, is not negative, and nothing below cancels.
  const Eigen::PartialPivLU<Eigen::MatrixXd> lu(a);
  Eigen::MatrixXd visits(n, n);
  for (Eigen::Index first = 0; first < n; first += 64) {
    execution.poll();
    const Eigen::Index width = std::min<Eigen::Index>(64, n - first);
    visits.middleCols(first, width) =
        lu.solve(Eigen::MatrixXd::Identity(n, n).middleCols(first, width));
  }
  const Eigen::VectorXd p = visits * converts;
  std::vector<double> effect(channels, 0.0);
  if (!(p(0) > 0.0)) return effect;
  for (std::size_t c = 0; c < channels; ++c) {
    execution.poll();
    const std::vector<std::int32_t>& in = holding_[c];
    // first(k): the probability that the first state with the channel is in[k].
    const Eigen::MatrixXd inner = visits(in, in);
    const Eigen::VectorXd outer = visits(0, in).transpose();
    const Eigen::VectorXd first = inner.transpose().partialPivLu().solve(outer);
    const Eigen::VectorXd then = p(in);
    effect[c] = std::clamp(first.dot(then) / p(0), 0.0, 1.0);
  }
  return effect;
}

}  // namespace tenure::journey
