#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tenure/events/event_log.hpp"
#include "tenure/journey/funnel.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::journey {

/// How the credit of conversions is shared among channels. All but `markov` share out each
/// conversion by itself.
enum class CreditModel : std::uint8_t {
  last,
  first,
  linear,
  position,
  time_decay,
  shapley,
  markov
};
inline constexpr std::size_t kCreditModels = 7;

inline constexpr std::int32_t kMaxChannels = 254;
/// States of a chain, its start included: what is solved densely at once without a long wait.
inline constexpr std::int64_t kMaxChainStates = 512;

/// What an attribution asks.
///
/// A path is a run of touches of one customer. Conversions at one instant are one conversion, of
/// their amounts' sum; touches at that instant lie before it. It ends the path of the touches since
/// the conversion before, no older than `lookback`; the older ones are a path without conversion,
/// and so are the touches after the last conversion. A conversion with a negative amount is a
/// refund and no conversion.
struct AttributionPlan {
  std::optional<std::size_t> by = {};  ///< property whose values are channels; absent: event names
  std::vector<std::int32_t> channel_of;  ///< by code: 0 to channels - 1, or kNoState
  std::int32_t channels = 0;
  std::vector<std::uint8_t> touch;       ///< by event code; conversions are no touches
  std::vector<std::uint8_t> conversion;  ///< by event code
  std::vector<std::uint8_t> models = std::vector<std::uint8_t>(kCreditModels, 1);  ///< 1: wanted
  std::int64_t lookback = kNoWindow;           ///< microseconds, its end included
  double half_life = 7.0 * 86400e6;            ///< microseconds, > 0
  std::array<double, 3> position{.4, .2, .4};  ///< first, all between, last; >= 0, not all 0
  int order = 1;                               ///< of the chain: touches that a state remembers
  bool revenue = false;                        ///< also share out amounts
};

/// Sums over all paths. Credits of all models have the same sum: the conversions with a touch.
struct Attribution {
  std::vector<double> credit;                ///< models x channels
  std::vector<double> money;                 ///< the same of amounts; 0 if they were not asked for
  std::vector<double> effect;                ///< by channel: removal effect, 0 without the chain
  double conversions = 0.0, credited = 0.0;  ///< all; those with a touch
  double revenue = 0.0, credited_revenue = 0.0;  ///< likewise
  double paths = 0.0;                            ///< with a touch
};

/// last, first: the whole credit to the last or first touch. linear: equal parts to all touches.
/// position: w_1 to the first, w_3 to the last, w_2 in equal parts to those between; of two touches
/// w_1 and w_3, of one everything, scaled to 1. time_decay: parts in proportion to
/// 2^(-(t - t_touch) / half_life).
///
/// shapley: the value of a coalition S is v(S), the conversions of paths whose channels all lie in
/// S [Zhao, Mahboobi & Bagheri 2018]; then each path shares its conversion equally among its
/// distinct channels, since v is a sum of unanimity games [Shapley 1953].
///
/// markov: paths as a chain of order k whose states are the last k channels, with start, conversion
/// and null [Anderl, Becker, von Wangenheim & Schumann 2016]. The removal effect of a channel is
/// 1 - P'/P, P the probability to convert and P' the same if every touch of the channel leads to
/// null: the share of P that passes through the channel. With N = (I - Q)^-1 over the states, A
/// those whose last channel it is or that contain it, and p the probabilities to convert,
/// P - P' = N[start, A] N[A, A]^-1 p[A]: solved, not simulated. Credit is in proportion to it.
///
/// O(rows x order) and O(states^3); no memory by customer. Same bits for any thread count. Throws
/// InvalidInput if the plan does not fit the log, for more than kMaxChannels or kMaxChainStates.
Attribution attribution(const events::EventLog& log, const AttributionPlan& plan,
                        const Execution& execution);

struct AttributionBootstrap {
  std::int64_t replicates = 200;
  std::uint64_t seed = 0;
  double level = 0.95;
};

struct AttributionLimits {
  std::vector<double> lower, upper;  ///< models x channels, of money if the plan asks for it
};

/// Percentile intervals: in each replicate every customer counts Poisson(1) times
/// [Efron 1979; Hanley & MacGibbon 2006]. One pass over the log for each 8 replicates. Same bits
/// for any thread count. Throws as `attribution`, and for fewer than 2 replicates or a level
/// outside (0, 1).
AttributionLimits attribution_bootstrap(const events::EventLog& log, const AttributionPlan& plan,
                                        const AttributionBootstrap& bootstrap,
                                        const Execution& execution);

}  // namespace tenure::journey
