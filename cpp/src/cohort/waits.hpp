#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/cohort/members.hpp"
#include "tenure/support/resampling.hpp"

namespace tenure::cohort {

/// A stretch of ages without activity: whoever is asked at an age in (after, until] waits up to
/// `until`, where the member is active (`returned`) or observation ends.
struct Wait {
  std::int64_t member;
  std::int32_t after;  ///< the active age before, or -1
  std::int32_t until;
  bool returned;
};

/// Waits of all members in order of (pool, after), for the curves of each pool.
struct Waits {
  std::int64_t pools = 0, ages = 0;
  std::vector<std::int64_t> offset;  ///< by (pool, after + 1): where its waits begin
  std::vector<Wait> waits;
  std::vector<std::int64_t> last_age;  ///< by pool: the horizon

  std::span<const Wait> of(std::int64_t pool, std::int64_t after) const {
    const auto i = static_cast<std::size_t>(pool * (ages + 1) + after + 1);
    return std::span(waits).subspan(static_cast<std::size_t>(offset[i]),
                                    static_cast<std::size_t>(offset[i + 1] - offset[i]));
  }
};

enum class Pool : std::uint8_t { cohort, group };

Waits waits_of(const Members& members, Pool pool, std::int64_t min_events,
               const Execution& execution);

/// For each age k of a pool, with the weights of the data or of replicates: calls
/// step(k, n_kj, d_kj) for j = k, k + 1, ... to the horizon.
template <class W, class WeightOf, class Step>
void walk_curves(const Waits& waits, std::int64_t pool, const WeightOf& weight_of,
                 const Step& step) {
  const std::int64_t ages = waits.last_age[static_cast<std::size_t>(pool)] + 1;
  std::vector<W> returned(static_cast<std::size_t>(ages)), left(static_cast<std::size_t>(ages));
  for (std::int64_t k = 0; k < ages; ++k) {
    for (const Wait& w : waits.of(pool, k - 1))
      (w.returned ? returned : left)[static_cast<std::size_t>(w.until)] += weight_of(w.member);
    W at_risk{};
    for (auto j = static_cast<std::size_t>(k); j < static_cast<std::size_t>(ages); ++j) {
      at_risk += returned[j];
      at_risk += left[j];
    }
    for (auto j = static_cast<std::size_t>(k); j < static_cast<std::size_t>(ages); ++j) {
      step(k, at_risk, returned[j]);
      at_risk -= returned[j];
      at_risk -= left[j];
    }
  }
}

}  // namespace tenure::cohort
