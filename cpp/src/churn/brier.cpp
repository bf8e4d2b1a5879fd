#include <algorithm>
#include <cmath>

#include "tenure/churn/survival_measures.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {

BrierAt brier_at(const IpcwData& data, std::span<const double> survival, double t,
                 const Execution& execution) {
  const Lives& lives = data.lives;
  const std::size_t n = data.rows();
  if (survival.size() != n)
    throw InvalidInput("survival", -1, static_cast<double>(survival.size()), "as long as duration");
  for (std::size_t i = 0; i < n; ++i)
    if (!(survival[i] >= 0.0 && survival[i] <= 1.0))
      throw InvalidInput("survival", static_cast<std::int64_t>(i), survival[i],
                         "a probability in [0, 1]");
  const std::size_t here = data.censoring.through(t);
  const double beyond = 1.0 / data.censoring.value(here);
  const std::size_t factors = data.churn.through(t);
  const double shared = data.churn.value(factors);

  BrierAt out;
  out.influence.assign(data.influences(), 0.0);
  out.null_influence.assign(data.influences(), 0.0);
  std::vector<double> slope(data.censoring.through(data.censoring.last_time()) + 1, 0.0);
  std::vector<double> null_slope = slope;
  double by_shared = 0.0;  // derivative of the null score by the curve's value
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 4096 == 0) execution.poll();
    const bool stayed = lives.duration[i] > t;
    if (!stayed && !lives.churned[i]) continue;
    const double w = lives.weight[i] / lives.total * (stayed ? beyond : data.inverse[i]);
    const std::size_t at = stayed ? here : data.position[i];
    const double miss = stayed ? 1.0 - survival[i] : survival[i];
    const double null_miss = stayed ? 1.0 - shared : shared;
    out.influence[i] = w * miss * miss;
    out.null_influence[i] = w * null_miss * null_miss;
    out.score += out.influence[i];
    out.null_score += out.null_influence[i];
    slope[at] -= out.influence[i];
    null_slope[at] -= out.null_influence[i];
    by_shared += 2.0 * w * (stayed ? -null_miss : null_miss);
  }
  for (std::size_t i = 0; i < n; ++i) {
    out.influence[i] -= out.score * lives.weight[i] / lives.total;
    out.null_influence[i] -= out.null_score * lives.weight[i] / lives.total;
  }
  add_censoring_influence(data, slope, out.influence);
  add_censoring_influence(data, null_slope, out.null_influence);
  std::vector<double> curve(data.churn.through(data.churn.last_time()) + 1, 0.0);
  curve[factors] = by_shared * shared;
  data.churn.add_influence(lives, curve, out.null_influence);
  return out;
}

}  // namespace tenure::churn
