#include "tenure/churn/cox_residuals.hpp"

#include <algorithm>
#include <cmath>

#include "cox_slots.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

bool has_ties(const CoxLikelihood& at) {
  return at.ties() == Ties::efron &&
         std::ranges::any_of(at.data().deaths, [](std::int64_t d) { return d > 1; });
}

double theta(const CoxLikelihood& at, std::size_t i) { return at.risk()[i] / at.data().weight[i]; }

}  // namespace

MeanHazard mean_hazard(const CoxLikelihood& at, const Execution& execution) {
  const CoxData& d = at.data();
  const SlotTerms& s = at.slots();
  MeanHazard out;
  out.stride = d.stride;
  const auto cells = static_cast<std::size_t>(d.slots() * d.stride);
  out.cumulative.assign(cells, 0.0);
  if (has_ties(at)) out.own.assign(cells, 0.0);
  detail::for_each_slot(at, execution,
                        [&](std::int64_t, std::int64_t slot, const double* s1, const double* t1) {
                          const auto g = static_cast<std::size_t>(slot);
                          double* const q = out.cumulative.data() + slot * d.stride;
                          for (std::int64_t j = 0; j < d.stride; ++j) q[j] = s.square[g] * s1[j];
                          if (!t1) return;
                          double* const own = out.own.data() + slot * d.stride;
                          for (std::int64_t j = 0; j < d.stride; ++j) {
                            q[j] -= s.square_own[g] * t1[j];
                            own[j] = s.square_own[g] * s1[j] - s.square_own2[g] * t1[j];
                          }
                        });
  for (std::int64_t g = d.slots() - 1; g-- > 0;) {
    if (d.deaths[static_cast<std::size_t>(g)] == 0) continue;
    double* const q = out.cumulative.data() + g * d.stride;
    for (std::int64_t j = 0; j < d.stride; ++j) q[j] += q[j + d.stride];
  }
  return out;
}

std::vector<double> score_residuals(const CoxLikelihood& at, const Execution& execution) {
  const CoxData& d = at.data();
  const SlotTerms& s = at.slots();
  const MeanHazard q = mean_hazard(at, execution);
  const std::vector<double> martingale = at.martingale();

  std::vector<double> mean(static_cast<std::size_t>(d.slots() * d.stride), 0.0);
  detail::for_each_slot(
      at, execution, [&](std::int64_t, std::int64_t slot, const double* s1, const double* t1) {
        const auto g = static_cast<std::size_t>(slot);
        double* const m = mean.data() + slot * d.stride;
        for (std::int64_t j = 0; j < d.stride; ++j)
          m[j] = (s.hazard[g] * s1[j] - (t1 ? s.own[g] * t1[j] : 0.0)) / d.death_weight[g];
      });

  std::vector<double> out(static_cast<std::size_t>(d.sample_rows * d.columns), 0.0);
  for_each_block(d.rows(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    std::vector<double> row(static_cast<std::size_t>(d.stride));
    for (std::int64_t at_row = first; at_row < last; ++at_row) {
      const auto i = static_cast<std::size_t>(at_row);
      const double* const x = d.x.data() + at_row * d.stride;
      const double m = martingale[i] / d.weight[i];
      for (std::size_t j = 0; j < row.size(); ++j) row[j] = m * x[j];
      q.add(d, at_row, theta(at, i), row.data());
      if (d.churned[i]) {
        const double* const own = mean.data() + d.first[i] * d.stride;
        for (std::size_t j = 0; j < row.size(); ++j) row[j] -= own[j];
      }
      std::copy_n(row.begin(), d.columns, out.begin() + d.source[i] * d.columns);
    }
  });
  return out;
}

std::vector<double> martingale_residuals(const CoxLikelihood& at) {
  const CoxData& d = at.data();
  const std::vector<double> weighted = at.martingale();
  std::vector<double> out(static_cast<std::size_t>(d.sample_rows), 0.0);
  for (std::size_t i = 0; i < weighted.size(); ++i)
    out[static_cast<std::size_t>(d.source[i])] = weighted[i] / d.weight[i];
  return out;
}

SchoenfeldResiduals schoenfeld_residuals(const CoxLikelihood& at, const Execution& execution) {
  const CoxData& d = at.data();
  const SlotTerms& s = at.slots();
  SchoenfeldResiduals out;
  std::vector<std::int64_t> begin(static_cast<std::size_t>(d.slots()), 0);
  for (std::int64_t k = 0; k < d.strata; ++k) {
    const auto stratum = static_cast<std::size_t>(k);
    for (std::int64_t slot = d.slot_begin[stratum + 1]; slot-- > d.slot_begin[stratum];) {
      const auto g = static_cast<std::size_t>(slot);
      begin[g] = std::ssize(out.source);
      for (std::int64_t i = d.row_begin[g + 1] - d.deaths[g]; i < d.row_begin[g + 1]; ++i) {
        out.source.push_back(d.source[static_cast<std::size_t>(i)]);
        out.slot.push_back(slot);
      }
    }
  }
  out.residual.resize(out.source.size() * static_cast<std::size_t>(d.columns));
  detail::for_each_slot(
      at, execution, [&](std::int64_t, std::int64_t slot, const double* s1, const double* t1) {
        const auto g = static_cast<std::size_t>(slot);
        double* to = out.residual.data() + begin[g] * d.columns;
        for (std::int64_t i = d.row_begin[g + 1] - d.deaths[g]; i < d.row_begin[g + 1]; ++i)
          for (std::int64_t j = 0; j < d.columns; ++j) {
            const double mean =
                (s.hazard[g] * s1[j] - (t1 ? s.own[g] * t1[j] : 0.0)) / d.death_weight[g];
            *to++ = d.x[i * d.stride + j] - mean;
          }
      });
  return out;
}

CoxBaseline baseline(const CoxLikelihood& at, const Execution& execution) {
  const CoxData& d = at.data();
  const MeanHazard q = mean_hazard(at, execution);
  CoxBaseline out;
  out.mean.resize(static_cast<std::size_t>((d.slots() - d.strata) * d.columns));
  double* to = out.mean.data();
  for (std::int64_t k = 0; k < d.strata; ++k) {
    const auto stratum = static_cast<std::size_t>(k);
    // Weights at risk, from the last time to the first as the slots go.
    const std::int64_t begin = d.slot_begin[stratum], end = d.slot_begin[stratum + 1] - 1;
    std::vector<double> weight;
    double sum = 0.0;
    for (std::int64_t slot = begin; slot < end; ++slot) {
      const auto g = static_cast<std::size_t>(slot);
      for (std::int64_t i = d.row_begin[g]; i < d.row_begin[g + 1]; ++i)
        sum += d.weight[static_cast<std::size_t>(i)];
      for (std::int64_t l = d.leave_begin[g]; l < d.leave_begin[g + 1]; ++l)
        sum -= d.weight[static_cast<std::size_t>(d.leaver[static_cast<std::size_t>(l)])];
      weight.push_back(sum);
    }
    const double unit = std::exp(-at.shift()[stratum]);
    double variance = 0.0;
    for (std::int64_t slot = end; slot-- > begin;) {
      const auto g = static_cast<std::size_t>(slot);
      out.time.push_back(d.time[g]);
      out.stratum.push_back(static_cast<std::int32_t>(k));
      out.at_risk.push_back(weight[static_cast<std::size_t>(slot - begin)]);
      out.churned.push_back(d.death_weight[g]);
      out.hazard.push_back(at.slots().cumulative[g] * unit);
      out.variance.push_back((variance += at.slots().square[g]) * unit * unit);
      const double* const mean = q.cumulative.data() + slot * d.stride;
      for (std::int64_t j = 0; j < d.columns; ++j) *to++ = mean[j] * unit;
    }
  }
  return out;
}

}  // namespace tenure::churn
