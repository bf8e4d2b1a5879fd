#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "cohort_walk.hpp"
#include "rate_cells.hpp"
#include "tenure/cohort/retention_rates.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/quantile.hpp"
#include "tenure/support/random.hpp"
#include "tenure/survival/proportion.hpp"

namespace tenure::cohort {
namespace {

constexpr std::int64_t kMaxReplicateCells = std::int64_t{1} << 27;

/// Every customer of a cohort with its non-zero cells, in order of customers.
class MemberScan {
 public:
  struct Member {
    std::int64_t customer;
    std::int64_t cohort;      ///< row of the table
    std::int64_t first_cell;  ///< into `cells`; they end where those of the next member begin
  };
  struct Cell {
    std::int64_t age;
    double value;
  };

  MemberScan(const events::EventLog& log, Period period, const RetentionTable& table, Value value)
      : walk_(log, period), table_(&table), value_(value) {}

  void visit(const events::CustomerEvents& events) {
    bool fresh = true;
    walk_(events, [&](std::int64_t cohort, std::int64_t age, bool active, double amount) {
      const std::int64_t row = cohort - table_->first_period;
      if (row < 0 || row >= table_->cohorts)
        throw InvalidInput("table", -1, static_cast<double>(row), "made of this log");
      if (std::exchange(fresh, false))
        members_.push_back({events.customer, row, std::ssize(cells_)});
      if (age >= table_->ages || !table_->observed[table_->cell(row, age)]) return;
      const double value = value_ == Value::revenue ? amount : static_cast<double>(active);
      if (value != 0.0) cells_.push_back({age, value});
    });
  }

  void merge(MemberScan&& later) {
    for (Member& m : later.members_) m.first_cell += std::ssize(cells_);
    members_.insert(members_.end(), later.members_.begin(), later.members_.end());
    cells_.insert(cells_.end(), later.cells_.begin(), later.cells_.end());
  }

  std::int64_t size() const { return std::ssize(members_); }
  const Member& member(std::int64_t i) const { return members_[static_cast<std::size_t>(i)]; }
  std::span<const Cell> cells(std::int64_t i) const {
    const auto first = static_cast<std::size_t>(member(i).first_cell);
    const auto last =
        i + 1 < size() ? static_cast<std::size_t>(member(i + 1).first_cell) : cells_.size();
    return std::span(cells_).subspan(first, last - first);
  }

 private:
  CohortWalk walk_;
  const RetentionTable* table_;
  Value value_;
  std::vector<Member> members_;
  std::vector<Cell> cells_;
};

/// Replicates computed together, side by side in registers.
constexpr std::int64_t kTogether = 8;
using Weights = std::array<double, kTogether>;

/// Poisson(1) by inversion of 32 uniform bits: the smallest k with u < 2^32 P(X <= k).
class PoissonOne {
 public:
  PoissonOne() {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint8_t k = 0;
      while (byte << 24 >= kBelow[k]) ++k;
      start_[byte] = k;
    }
  }

  double operator()(std::uint32_t u) const {
    // The leading byte settles k in 95 of 100 draws: a search from 0 would mispredict at every
    // other.
    std::uint8_t k = start_[u >> 24];
    while (k < kBelow.size() && u >= kBelow[k]) ++k;
    return static_cast<double>(k);
  }

 private:
  // floor(2^32 P(X <= k)); what lies beyond the last has a probability below 2^-32.
  static constexpr std::array<std::uint32_t, 13> kBelow{
      1580030168u, 3160060337u, 3950075421u, 4213413783u, 4279248373u, 4292415291u, 4294609777u,
      4294923276u, 4294962463u, 4294966817u, 4294967252u, 4294967292u, 4294967295u};
  std::array<std::uint8_t, 256> start_;
};

/// Customers take the lower 40 bits of the stream, blocks of replicates the rest.
Weights weights_of(const PoissonOne& poisson, std::uint64_t seed, std::int64_t task,
                   std::int64_t customer) {
  RandomStream stream(
      seed, (static_cast<std::uint64_t>(task) << 40) | static_cast<std::uint64_t>(customer));
  Weights weights;
  for (std::size_t r = 0; r < weights.size(); r += 2) {
    const std::uint64_t bits = stream.next();
    weights[r] = poisson(static_cast<std::uint32_t>(bits));
    weights[r + 1] = poisson(static_cast<std::uint32_t>(bits >> 32));
  }
  return weights;
}

/// Cells and sizes of `kTogether` replicates, side by side.
struct Replicates {
  std::vector<Weights> count;  ///< by cell
  std::vector<Weights> size;   ///< by cohort
};

Replicates resample(const MemberScan& members, const RetentionTable& table,
                    const BootstrapOptions& options, std::int64_t task,
                    const Execution& execution) {
  Replicates sums{std::vector<Weights>(table.observed.size()),
                  std::vector<Weights>(table.size.size())};
  const PoissonOne poisson;
  for (std::int64_t i = 0; i < members.size(); ++i) {
    if (i % 1024 == 0) execution.poll();
    const auto& member = members.member(i);
    const Weights weight = weights_of(poisson, options.seed, task, member.customer);
    auto& size = sums.size[static_cast<std::size_t>(member.cohort)];
    for (std::size_t r = 0; r < weight.size(); ++r) size[r] += weight[r];
    for (const auto& cell : members.cells(i)) {
      auto& count = sums.count[table.cell(member.cohort, cell.age)];
      for (std::size_t r = 0; r < weight.size(); ++r) count[r] += weight[r] * cell.value;
    }
  }
  return sums;
}

/// Quantiles of the values that exist; NaN if none does. Reorders `values`.
survival::Interval percentiles(std::span<double> values, double level) {
  const auto end =
      std::partition(values.begin(), values.end(), [](double v) { return !std::isnan(v); });
  std::sort(values.begin(), end);
  const std::span<const double> sorted(values.begin(), end);
  return {sorted_quantile(sorted, 0.5 * (1.0 - level)),
          sorted_quantile(sorted, 0.5 * (1.0 + level))};
}

}  // namespace

RetentionLimits retention_bootstrap(const events::EventLog& log, const RetentionTable& table,
                                    Period period, const RateOptions& rates,
                                    const BootstrapOptions& bootstrap, const Execution& execution) {
  if (bootstrap.replicates < 2)
    throw InvalidInput("n_bootstrap", -1, static_cast<double>(bootstrap.replicates), ">= 2");
  if (!(bootstrap.level > 0.0 && bootstrap.level < 1.0))
    throw InvalidInput("level", -1, bootstrap.level, "between 0 and 1");
  const auto cells = std::ssize(table.observed);
  if (bootstrap.replicates > kMaxReplicateCells / std::max<std::int64_t>(cells, 1))
    throw InvalidInput("n_bootstrap", -1, static_cast<double>(bootstrap.replicates),
                       "at most 2^27 / (cohorts x ages)");

  const MemberScan members =
      events::run_scan(log, MemberScan(log, period, table, rates.value), execution);
  const auto replicates = static_cast<std::size_t>(bootstrap.replicates);
  std::vector<double> rate(static_cast<std::size_t>(cells) * replicates);
  std::vector<double> mean(static_cast<std::size_t>(table.ages) * replicates);

  for_each_block(
      bootstrap.replicates, execution,
      [&](std::int64_t task, std::int64_t first, std::int64_t last) {
        const Replicates sums = resample(members, table, bootstrap, task, execution);
        std::vector<double> count(sums.count.size()), base(sums.count.size());
        for (std::int64_t replicate = first; replicate < last; ++replicate) {
          const auto r = static_cast<std::size_t>(replicate - first);
          for (std::int64_t c = 0; c < table.cohorts; ++c)
            for (std::int64_t k = 0; k < table.ages; ++k) {
              const std::size_t cell = table.cell(c, k);
              count[cell] = sums.count[cell][r];
              base[cell] = rates.value == Value::revenue
                               ? sums.count[table.cell(c, 0)][r]
                               : sums.size[static_cast<std::size_t>(c)][r];
            }
          const RateCells view{count, base};
          const auto column = static_cast<std::size_t>(replicate);
          for (std::int64_t k = 0; k < table.ages; ++k) {
            for (std::int64_t c = 0; c < table.cohorts; ++c) {
              const std::size_t cell = table.cell(c, k);
              rate[cell * replicates + column] =
                  positive_ratio(count[cell], denominator_of(view, cell, k, rates.denominator));
            }
            mean[static_cast<std::size_t>(k) * replicates + column] =
                mean_sums(table, view, k, rates.denominator).mean(rates.mean);
          }
        }
      },
      kTogether);

  RetentionLimits out;
  const auto limits = [&](std::vector<double>& values, std::size_t row) {
    execution.poll();
    return percentiles(std::span(values).subspan(row * replicates, replicates), bootstrap.level);
  };
  for (std::size_t cell = 0; cell < table.observed.size(); ++cell) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    const auto interval =
        table.observed[cell] ? limits(rate, cell) : survival::Interval{kNan, kNan};
    out.lower.push_back(interval.lower);
    out.upper.push_back(interval.upper);
  }
  for (std::size_t k = 0; k < static_cast<std::size_t>(table.ages); ++k) {
    const auto interval = limits(mean, k);
    out.mean_lower.push_back(interval.lower);
    out.mean_upper.push_back(interval.upper);
  }
  return out;
}

}  // namespace tenure::cohort
