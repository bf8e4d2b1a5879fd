#include <algorithm>
#include <cmath>
#include <limits>

#include "cell_sums.hpp"
#include "percentiles.hpp"
#include "rate_cells.hpp"
#include "tenure/cohort/retention_rates.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/resampling.hpp"
#include "waits.hpp"

namespace tenure::cohort {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kMaxReplicateCells = std::int64_t{1} << 27;

/// Rates and means of all replicates: cell by cell, the replicates of a cell side by side.
struct Replicates {
  Replicates(const Members& members, std::int64_t replicates)
      : n(static_cast<std::size_t>(replicates)),
        rate(static_cast<std::size_t>(members.rows() * members.ages) * n, kNan),
        mean(static_cast<std::size_t>(std::ssize(members.group) * members.ages) * n, kNan) {}

  std::size_t n;
  std::vector<double> rate, mean;
};

/// The replicates of one task that count, and where they go.
struct Task {
  std::int64_t first, last;

  template <class Body>
  void each(const Body& body) const {
    for (std::int64_t b = first; b < last; ++b)
      body(static_cast<std::size_t>(b - first), static_cast<std::size_t>(b));
  }
};

bool is_observed(const Members& members, std::int64_t row, std::int64_t age) {
  return age <= members.last_age[static_cast<std::size_t>(row)];
}

void resample_rates(const Members& members, const RateOptions& options, const Resampling& weight_of,
                    const Task& task, Replicates& out, const Execution& execution) {
  const auto sums = sum_cells<Weights>(members, options, weight_of, execution);
  for (std::int64_t group = 0; group < std::ssize(members.group); ++group)
    for (std::int64_t k = 0; k < members.ages; ++k)
      task.each([&](std::size_t r, std::size_t b) {
        const auto sum = [r](const auto& values, std::size_t i) { return values[i].in[r]; };
        MeanSums mean;
        const std::int64_t first = group * members.cohorts;
        for (std::int64_t row = first; row < first + members.cohorts; ++row) {
          if (!is_observed(members, row, k)) continue;
          const std::size_t cell = members.cell(row, k);
          const double count = sums.count[cell].in[r];
          const double n =
              denominator_of(sums, static_cast<std::size_t>(row), cell, k, options, sum);
          out.rate[cell * out.n + b] = positive_ratio(count, n);
          mean.add(count, n);
        }
        out.mean[members.cell(group, k) * out.n + b] = mean.mean(options.mean);
      });
}

/// Shares who are active at an age or later, of every pool; NaN where nobody was drawn.
void resample_shares(const Members& members, const Waits& waits, const Resampling& weight_of,
                     const Task& task, std::size_t n, std::vector<double>& out,
                     const Execution& execution) {
  for (std::int64_t pool = 0; pool < waits.pools; ++pool) {
    execution.poll();
    std::vector<Weights> silent(static_cast<std::size_t>(waits.ages));
    std::vector<Weights> drawn(static_cast<std::size_t>(waits.ages));
    for (Weights& s : silent) s.in.fill(1.0);
    walk_curves<Weights>(
        waits, pool,
        [&](std::int64_t member) {
          return weight_of(members.members[static_cast<std::size_t>(member)].customer);
        },
        [&](std::int64_t k, const Weights& at_risk, const Weights& returned) {
          Weights& s = silent[static_cast<std::size_t>(k)];
          drawn[static_cast<std::size_t>(k)] += at_risk;
          for (std::size_t r = 0; r < Weights::kTogether; ++r)
            if (at_risk.in[r] > 0.0) s.in[r] *= 1.0 - returned.in[r] / at_risk.in[r];
        });
    for (std::int64_t k = 0; k < waits.ages; ++k)
      task.each([&](std::size_t r, std::size_t b) {
        const auto age = static_cast<std::size_t>(k);
        out[static_cast<std::size_t>(pool * waits.ages + k) * n + b] =
            drawn[age].in[r] > 0.0 ? 1.0 - silent[age].in[r] : kNan;
      });
  }
}

void mean_of_shares(const Members& members, const Task& task, Replicates& out) {
  for (std::int64_t group = 0; group < std::ssize(members.group); ++group)
    for (std::int64_t k = 0; k < members.ages; ++k)
      task.each([&](std::size_t, std::size_t b) {
        MeanSums mean;
        const std::int64_t first = group * members.cohorts;
        for (std::int64_t row = first; row < first + members.cohorts; ++row) {
          const double rate = out.rate[members.cell(row, k) * out.n + b];
          if (!std::isnan(rate)) mean.add(rate, 1.0);
        }
        out.mean[members.cell(group, k) * out.n + b] = mean.mean(MeanKind::simple);
      });
}

}  // namespace

RetentionLimits retention_bootstrap(const Members& members, const RateOptions& options,
                                    const BootstrapOptions& bootstrap, const Execution& execution) {
  if (bootstrap.replicates < 2)
    throw InvalidInput("n_bootstrap", -1, static_cast<double>(bootstrap.replicates), ">= 2");
  if (!(bootstrap.level > 0.0 && bootstrap.level < 1.0))
    throw InvalidInput("level", -1, bootstrap.level, "between 0 and 1");
  const std::int64_t cells = members.rows() * members.ages;
  if (bootstrap.replicates > kMaxReplicateCells / std::max<std::int64_t>(cells, 1))
    throw InvalidInput("n_bootstrap", -1, static_cast<double>(bootstrap.replicates),
                       "at most 2^27 / (cohorts x ages)");

  const bool censored = options.match == Match::on_or_after;
  Waits by_cohort, by_group;
  if (censored) {
    by_cohort = waits_of(members, Pool::cohort, options.min_events, execution);
    if (options.mean == MeanKind::weighted)
      by_group = waits_of(members, Pool::group, options.min_events, execution);
  }
  Replicates all(members, bootstrap.replicates);
  for_each_block(
      bootstrap.replicates, execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        const Resampling weight_of(bootstrap.seed, block);
        const Task task{first, last};
        if (!censored) {
          resample_rates(members, options, weight_of, task, all, execution);
          return;
        }
        resample_shares(members, by_cohort, weight_of, task, all.n, all.rate, execution);
        if (options.mean == MeanKind::weighted)
          resample_shares(members, by_group, weight_of, task, all.n, all.mean, execution);
        else
          mean_of_shares(members, task, all);
      },
      static_cast<std::int64_t>(Weights::kTogether));

  RetentionLimits out;
  limits_of(all.rate, all.n, bootstrap.level, out.lower, out.upper, execution);
  limits_of(all.mean, all.n, bootstrap.level, out.mean_lower, out.mean_upper, execution);
  return out;
}

}  // namespace tenure::cohort
