#include "tenure/survival/competing_risks.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tenure::survival {

CumulativeHazard nelson_aalen(const CensoredSample& sample, HazardTies ties,
                              const Execution& execution) {
  RiskTable table = risk_table(sample, execution);
  CumulativeHazard out;
  out.last_time = table.last_time;
  out.hazard.resize(table.time.size());
  out.variance.resize(table.time.size());
  double hazard = 0.0, variance = 0.0;
  for (std::size_t j = 0; j < table.time.size(); ++j) {
    double n = table.at_risk[j], d = table.events[j];
    if (ties == HazardTies::in_turn) {
      std::int64_t step = 0;
      // What stays over bounds n from below: the last event has at least itself at risk.
      for (; d > 1.0; d -= 1.0, n -= 1.0) {
        if (step++ % 4096 == 0) execution.poll();
        hazard += 1.0 / n;
        variance += 1.0 / (n * n);
      }
    }
    hazard += d / n;
    variance += d / (n * n);
    out.hazard[j] = hazard;
    out.variance[j] = variance;
  }
  out.time = std::move(table.time);
  out.at_risk = std::move(table.at_risk);
  out.churned = std::move(table.events);
  return out;
}

namespace {

/// The variance of one cause. F grows from row to row, and every sum over past rows of a power of
/// (F(t) - F(t_j)) grows with it by terms >= 0: nothing cancels but in the last line.
class IncidenceVariance {
 public:
  double add(double before, double n, double stay, double all, double cause) {
    const double rise = before * cause / n;
    square_ += rise * (2.0 * lag_ + rise * greenwood_);
    lag_ += rise * greenwood_;
    cross_ += rise * slope_;
    own_ += before * before * cause * (n - cause) / (n * n * n);
    // Nobody stays: S is 0 from here on and F moves no more, so that the term has no weight.
    if (stay > 0.0) greenwood_ += all / (n * stay);
    slope_ += before * cause / (n * n);
    return std::max(square_ + own_ - 2.0 * cross_, 0.0);
  }

 private:
  double greenwood_ = 0.0;  ///< sum of a_j = d_j / (n_j (n_j - d_j))
  double lag_ = 0.0;        ///< sum of (F - F_j) a_j
  double square_ = 0.0;     ///< sum of (F - F_j)^2 a_j
  double slope_ = 0.0;      ///< sum of b_j = S_{j-1} d_kj / n_j^2
  double cross_ = 0.0;      ///< sum of (F - F_j) b_j
  double own_ = 0.0;
};

}  // namespace

CumulativeIncidence aalen_johansen(const CauseSample& sample, const Execution& execution) {
  RiskTable table = risk_table(sample, execution);
  const std::size_t times = table.time.size(), causes = static_cast<std::size_t>(sample.causes);
  CumulativeIncidence out;
  out.last_time = table.last_time;
  out.survival.resize(times);
  out.incidence.resize(times * causes);
  out.variance.resize(times * causes);
  std::vector<IncidenceVariance> variance(causes);
  std::vector<double> incidence(causes);
  double survival = 1.0;
  for (std::size_t j = 0; j < times; ++j) {
    if (j % 1024 == 0) execution.poll();
    const double n = table.at_risk[j], stay = table.stay[j];
    double all = 0.0;
    for (std::size_t k = 0; k < causes; ++k) all += table.events[j * causes + k];
    for (std::size_t k = 0; k < causes; ++k) {
      const double d = table.events[j * causes + k];
      incidence[k] += survival * d / n;
      out.incidence[j * causes + k] = incidence[k];
      out.variance[j * causes + k] = variance[k].add(survival, n, stay, all, d);
    }
    survival *= stay / n;
    out.survival[j] = survival;
  }
  out.time = std::move(table.time);
  out.at_risk = std::move(table.at_risk);
  out.events = std::move(table.events);
  return out;
}

}  // namespace tenure::survival
