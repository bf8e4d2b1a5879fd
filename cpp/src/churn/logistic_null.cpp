#include <algorithm>
#include <cmath>

#include "tenure/churn/logistic.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {

LogisticNull logistic_null(const LogisticData& d, const Execution& execution) {
  struct Sums {
    double value = 0.0, score = 0.0, information = 0.0;
    Sums& operator+=(const Sums& o) {
      value += o.value;
      score += o.score;
      information += o.information;
      return *this;
    }
  };
  const auto sums = [&](double intercept) {
    return block_reduce(d.rows, execution, Sums{}, [&](std::int64_t first, std::int64_t last) {
      Sums part;
      for (std::int64_t i = first; i < last; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double sign = d.event[at] ? 1.0 : -1.0;
        const double w = d.weight.empty() ? 1.0 : d.weight[at];
        const double margin = sign * (intercept + (d.offset.empty() ? 0.0 : d.offset[at]));
        const double e = std::exp(-std::abs(margin));
        part.value -= w * (std::max(-margin, 0.0) + std::log1p(e));
        part.score += w * sign * (margin < 0.0 ? 1.0 : e) / (1.0 + e);
        part.information += w * e / ((1.0 + e) * (1.0 + e));
      }
      return part;
    });
  };
  LogisticNull out;
  const double no_event = d.total_weight - d.event_weight;
  if (d.intercept && d.offset.empty()) {
    out.intercept = std::log(d.event_weight / no_event);
    out.log_likelihood = d.event_weight * std::log(d.event_weight / d.total_weight) +
                         no_event * std::log(no_event / d.total_weight);
    return out;
  }
  if (d.intercept) {
    double shift = 0.0;
    for (std::size_t i = 0; i < d.offset.size(); ++i)
      shift += (d.weight.empty() ? 1.0 : d.weight[i]) * d.offset[i] / d.total_weight;
    out.intercept = std::log(d.event_weight / no_event) - shift;
  }
  Sums here = sums(out.intercept);
  for (int k = 0; d.intercept && k < 200; ++k) {
    // The information may vanish where offsets are large: then a step of 1 in the right direction.
    const double full = here.score / here.information;
    double step =
        std::isfinite(full) ? std::clamp(full, -5.0, 5.0) : std::copysign(1.0, here.score);
    if (std::abs(step) < 1e-10) break;
    Sums next = sums(out.intercept + step);
    for (int h = 0; h < 40 && !(next.value >= here.value - 1e-12 * std::abs(here.value)); ++h) {
      step *= 0.5;
      next = sums(out.intercept + step);
    }
    out.intercept += step;
    here = next;
  }
  out.log_likelihood = here.value;
  return out;
}

}  // namespace tenure::churn
