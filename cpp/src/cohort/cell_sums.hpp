#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tenure/cohort/members.hpp"
#include "tenure/cohort/retention_rates.hpp"

namespace tenure::cohort {

/// Sums over members with weights W: `double` for the data, `Weights` for replicates.
template <class W>
struct CellSums {
  std::vector<W> size;                          // by row
  std::vector<W> at_risk, count, base, before;  // by cell; empty where the rate does not need them
};

/// What one member adds to the sums: at single ages, or up to an age, to be summed from the right.
template <class W>
class MemberSums {
 public:
  MemberSums(const Members& members, const RateOptions& options)
      : members_(members), options_(options) {
    const std::size_t cells = static_cast<std::size_t>(members.rows() * members.ages);
    sums_.size.resize(static_cast<std::size_t>(members.rows()));
    sums_.at_risk.resize(cells);
    sums_.count.resize(cells);
    if (options.value == Value::revenue && options.denominator != Denominator::previous)
      sums_.base.resize(cells);
    if (options.denominator == Denominator::previous) sums_.before.resize(cells);
    if (options.value == Value::cumulative_revenue) ended_.resize(cells);
  }

  void add(std::int64_t i, const W& weight) {
    const Members::Member& m = members_.members[static_cast<std::size_t>(i)];
    sums_.size[static_cast<std::size_t>(m.row)] += weight;
    if (m.last_age < 0) return;
    sums_.at_risk[members_.cell(m.row, m.last_age)] += weight;
    if (options_.match == Match::on)
      add_values(m, members_.cells_of(i), weight);
    else
      add_streak(m, members_.cells_of(i), weight);
  }

  CellSums<W> finish() && {
    for (std::int64_t row = 0; row < members_.rows(); ++row) {
      from_the_right(sums_.at_risk, row);
      if (!sums_.base.empty()) from_the_right(sums_.base, row);
      if (options_.match != Match::on) {
        from_the_right(sums_.count, row);
        if (!sums_.before.empty()) from_the_right(sums_.before, row);
      }
      if (options_.value == Value::cumulative_revenue)
        for (std::int64_t k = 1; k < members_.ages; ++k) {
          W& count = sums_.count[members_.cell(row, k)];
          count += sums_.count[members_.cell(row, k - 1)];
          count -= ended_[members_.cell(row, k - 1)];
        }
    }
    return std::move(sums_);
  }

 private:
  double value_of(const Members::Cell& cell) const {
    switch (options_.value) {
      case Value::customers:
        return cell.events >= options_.min_events ? 1.0 : 0.0;
      case Value::events:
        return static_cast<double>(cell.events);
      case Value::revenue:
      case Value::cumulative_revenue:
        break;
    }
    return cell.amount;
  }

  void add_values(const Members::Member& m, std::span<const Members::Cell> cells, const W& weight) {
    double total = 0.0;
    for (const Members::Cell& cell : cells) {
      const double value = value_of(cell);
      if (value == 0.0) continue;
      const W weighted = weight * value;
      sums_.count[members_.cell(m.row, cell.age)] += weighted;
      if (cell.age == 0 && !sums_.base.empty())
        sums_.base[members_.cell(m.row, m.last_age)] += weighted;
      if (cell.age < m.last_age && !sums_.before.empty())
        sums_.before[members_.cell(m.row, cell.age + 1)] += weighted;
      total += value;
    }
    if (!ended_.empty()) ended_[members_.cell(m.row, m.last_age)] += weight * total;
  }

  /// Customers count up to an age: that before the first miss, or that of the last return.
  void add_streak(const Members::Member& m, std::span<const Members::Cell> cells, const W& weight) {
    std::int64_t counted = -1;
    for (const Members::Cell& cell : cells) {
      if (cell.events < options_.min_events) continue;
      if (options_.match == Match::on_or_before && cell.age != counted + 1) break;
      counted = cell.age;
    }
    if (counted < 0) return;
    sums_.count[members_.cell(m.row, counted)] += weight;
    if (!sums_.before.empty())
      sums_.before[members_.cell(m.row, std::min(counted + 1, m.last_age))] += weight;
  }

  void from_the_right(std::vector<W>& cells, std::int64_t row) const {
    for (std::int64_t k = members_.ages - 2; k >= 0; --k)
      cells[members_.cell(row, k)] += cells[members_.cell(row, k + 1)];
  }

  const Members& members_;
  const RateOptions& options_;
  CellSums<W> sums_;
  std::vector<W> ended_;  // amounts of members whose observation ends with the cell
};

template <class W, class WeightOf>
CellSums<W> sum_cells(const Members& members, const RateOptions& options, const WeightOf& weight_of,
                      const Execution& execution) {
  MemberSums<W> sums(members, options);
  for (std::int64_t i = 0; i < std::ssize(members.members); ++i) {
    if (i % 1024 == 0) execution.poll();
    sums.add(i, weight_of(members.members[static_cast<std::size_t>(i)].customer));
  }
  return std::move(sums).finish();
}

}  // namespace tenure::cohort
