#include "tenure/cohort/return_curve.hpp"

#include <limits>

#include "tenure/special/normal.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/survival/proportion.hpp"
#include "waits.hpp"

namespace tenure::cohort {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// One curve, from an age k on, as far as it was walked.
struct Curve {
  double silent = 1.0;  // S: not active since k
  double greenwood = 0.0;
  double effective = 0.0;  // members who would tell as much without censoring
  bool inside = false;     // S was strictly between 0 and 1
  bool known = false;

  void step(double at_risk, double returned) {
    if (!(at_risk > 0.0)) return;
    known = true;
    if (returned > 0.0 && returned < at_risk) {
      silent *= 1.0 - returned / at_risk;
      greenwood += returned / (at_risk * (at_risk - returned));
      effective = (1.0 - silent) / (silent * greenwood);
      inside = true;
    } else if (returned > 0.0) {
      silent = 0.0;
      if (!inside) effective = at_risk;
    } else if (!inside) {
      effective = at_risk;
    }
  }
};

struct Shares {
  std::vector<double> share, lower, upper;
};

Shares shares_of(const Waits& waits, double z, const Execution& execution) {
  const auto cells = static_cast<std::size_t>(waits.pools * waits.ages);
  std::vector<Curve> curves(cells);
  for_each_task(waits.pools, execution, [&](std::int64_t pool) {
    Curve* const curve = curves.data() + pool * waits.ages;
    std::int64_t at = -1;
    walk_curves<double>(
        waits, pool, [](std::int64_t) { return 1.0; },
        [&](std::int64_t k, double at_risk, double returned) {
          if (k != at) execution.poll();
          at = k;
          curve[k].step(at_risk, returned);
        });
  });
  Shares out;
  for (const Curve& c : curves) {
    const double share = c.known ? 1.0 - c.silent : kNan;
    const auto limits = c.known ? survival::wilson(share * c.effective, c.effective, z)
                                : survival::Interval{kNan, kNan};
    out.share.push_back(share);
    out.lower.push_back(limits.lower);
    out.upper.push_back(limits.upper);
  }
  return out;
}

}  // namespace

ReturnShares return_shares(const Members& members, std::int64_t min_events, double level,
                           const Execution& execution) {
  if (min_events < 1) throw InvalidInput("min_events", -1, static_cast<double>(min_events), ">= 1");
  if (!(level > 0.0 && level < 1.0)) throw InvalidInput("level", -1, level, "between 0 and 1");
  const double z = special::two_sided_z(level);
  Shares cells = shares_of(waits_of(members, Pool::cohort, min_events, execution), z, execution);
  Shares means = shares_of(waits_of(members, Pool::group, min_events, execution), z, execution);
  return {std::move(cells.share), std::move(cells.lower), std::move(cells.upper),
          std::move(means.share), std::move(means.lower), std::move(means.upper)};
}

}  // namespace tenure::cohort
