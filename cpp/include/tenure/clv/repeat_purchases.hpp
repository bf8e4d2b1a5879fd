#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// Customers by what their purchases are summarised to, one row a customer (or a set of customers
/// alike, with their number as the weight). Views: nothing is copied. All times in one unit.
struct RepeatPurchases {
  std::span<const double> frequency;  ///< x: repeat purchases, whole numbers >= 0
  std::span<const double> recency;    ///< t_x: from the first to the last purchase, 0 if x = 0
  std::span<const double> age;        ///< T: from the first purchase to the end of observation
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0; absent: 1 for every row

  std::int64_t rows() const { return std::ssize(frequency); }
};

/// Throws InvalidInput for the lowest row that breaks a rule of `RepeatPurchases`, or t_x > T, or
/// x > 0 with t_x = 0 (no time for a repeat purchase), and for spans of unequal length.
void require_valid(const RepeatPurchases& purchases, const Execution& execution);

/// Throws InvalidInput unless every T is finite and >= 0, every weight finite and >= 0.
void require_valid_ages(std::span<const double> age, std::optional<std::span<const double>> weight,
                        const Execution& execution);

/// Which customers a likelihood looks at one by one. Of those that only leave after a repeat
/// purchase it is the ones with x > 0: the others count by T alone.
enum class SampleRows : std::uint8_t { repeat_buyers, everyone };

/// Of a customer who is looked at; recency 0 if x = 0.
struct RepeatTimes {
  double recency, age;
  bool operator==(const RepeatTimes&) const = default;
};

/// The same customers as a likelihood needs them: grouped by frequency, sums taken where only sums
/// matter, equal rows merged where there are many. Built once a fit, passed over at each
/// evaluation.
struct PurchaseSample {
  double customers = 0.0;  ///< sum of weights
  double purchases = 0.0;  ///< sum of weight * x
  double mean_age = 0.0;   ///< weighted, in scaled time
  double time_scale =
      1.0;  ///< scaled time = time * time_scale: a power of two, longest T in [1, 2)

  /// By distinct frequency, ascending: the weight of all its rows.
  std::vector<double> x, x_weight;
  /// By distinct T, or by row where nearly all differ: weight, and weight * x. Scaled time.
  Buffer<double> age, age_weight, age_purchases;
  bool ages_distinct = false;

  /// Rows by ascending frequency: those of x[g + zero_groups()] are first[g] to first[g + 1].
  /// Scaled time.
  std::vector<std::int64_t> first;
  Buffer<RepeatTimes> repeat_times;
  Buffer<double> repeat_weight;  ///< empty where every row counts once

  /// 1 if there are customers with x = 0 whose rows are left out, else 0.
  std::size_t zero_groups() const { return x.size() - (first.size() - 1); }
  std::int64_t repeat_rows() const { return first.empty() ? 0 : first.back(); }

  /// Calls body(x, from, to, factor) for the runs of one frequency in rows [from, to), which may
  /// begin and end within a group. `factor` is the number of rows that each of every `stride`-th
  /// one stands for: a run of 17 has 2 in a sample of every 16th.
  template <class Body>
  void each_run(std::int64_t from, std::int64_t to, std::int64_t stride, const Body& body) const {
    auto group = static_cast<std::size_t>(std::upper_bound(first.begin(), first.end(), from) -
                                          first.begin() - 1);
    for (; from < to; ++group) {
      const std::int64_t end = std::min(to, first[group + 1]);
      const auto rows = static_cast<double>(end - from);
      const auto seen = static_cast<double>((end - from + stride - 1) / stride);
      body(x[group + zero_groups()], from, end, rows / seen);
      from = end;
    }
  }
};

/// Checks the rows and builds the sample. O(n), two passes; the collapse of equal rows is tried
/// only where a part of the rows shows that it pays. At most twice the memory of the input.
/// Deterministic for any thread count. Throws InvalidInput as `require_valid` does, for no rows at
/// all, and if all weights are 0.
PurchaseSample sample_purchases(const RepeatPurchases& purchases, SampleRows rows,
                                const Execution& execution);

}  // namespace tenure::clv
