#include "tenure/clv/repeat_purchases.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>

#include "hash_sums.hpp"
#include "tenure/clv/frequency_groups.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr double kLargestCount = 0x1p51;
constexpr std::int64_t kHashBlock = 65'536;

/// Adding and taking away 2^52 rounds to a whole number, without a call and in vectors.
bool whole(double x) { return (x + 0x1p52) - 0x1p52 == x; }

void require_length(const char* argument, std::span<const double> column, std::int64_t rows) {
  if (std::ssize(column) != rows)
    throw InvalidInput(argument, -1, static_cast<double>(column.size()),
                       "as long as the other columns");
}

/// Throws for the first rule that row i breaks. The row is read here once more: if somebody else
/// has mended it since, it is right.
void require_valid_row(const RepeatPurchases& p, std::int64_t i) {
  const double x = p.frequency[i], t_x = p.recency[i], age = p.age[i];
  const double w = p.weight ? (*p.weight)[i] : 1.0;
  if (!(x >= 0.0 && x <= kLargestCount && whole(x)))
    throw InvalidInput("frequency", i, x, "a whole number >= 0");
  if (!(std::isfinite(age) && age >= 0.0)) throw InvalidInput("T", i, age, "finite and >= 0");
  if (!(std::isfinite(t_x) && t_x >= 0.0)) throw InvalidInput("recency", i, t_x, "finite and >= 0");
  if (t_x > age) throw InvalidInput("recency", i, t_x, "at most T");
  if (x == 0.0 && t_x > 0.0) throw InvalidInput("recency", i, t_x, "0 where frequency is 0");
  if (x > 0.0 && !(t_x > 0.0)) throw InvalidInput("recency", i, t_x, "> 0 where frequency is > 0");
  if (!(w >= 0.0 && std::isfinite(w))) throw InvalidInput("weight", i, w, "finite and >= 0");
}

struct HashNumber {
  std::uint64_t operator()(double v) const {
    const auto bits = std::bit_cast<std::uint64_t>(v);
    return (bits ^ (bits >> 32)) * 0x9e3779b97f4a7c15u;
  }
};
struct AgeSums {
  double weight = 0.0, purchases = 0.0;
};

/// Sums by distinct T. Gives up, and copies the rows, once a block shows more than one distinct
/// value in sixteen rows: times on a grid (days) repeat, instants do not.
void sum_by_age(const RepeatPurchases& p, PurchaseSample& sample, const Execution& execution) {
  using Table = HashSums<double, AgeSums, HashNumber>;
  const std::int64_t rows = p.rows();
  std::vector<std::vector<Table::Entry>> found(
      static_cast<std::size_t>(block_count(rows, kHashBlock)));
  std::atomic<bool> many{false};
  for_each_block(
      rows, execution,
      [&](std::int64_t block, std::int64_t from, std::int64_t to) {
        if (many.load(std::memory_order_relaxed)) return;
        Table table(512);
        for (std::int64_t i = from; i < to; ++i) {
          const double w = p.weight ? (*p.weight)[i] : 1.0;
          AgeSums& sums = table[p.age[i] + 0.0];  // + 0: one key for both zeros
          sums.weight += w;
          sums.purchases += w * p.frequency[i];
          if (table.size() > kHashBlock / 16) {
            many.store(true, std::memory_order_relaxed);
            return;
          }
        }
        found[static_cast<std::size_t>(block)] = table.entries();
      },
      kHashBlock);

  if (many) {
    sample.age = Buffer<double>(rows);
    sample.age_weight = Buffer<double>(rows);
    sample.age_purchases = Buffer<double>(rows);
    for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i) {
        const double w = p.weight ? (*p.weight)[i] : 1.0;
        sample.age[i] = p.age[i];
        sample.age_weight[i] = w;
        sample.age_purchases[i] = w * p.frequency[i];
      }
    });
    return;
  }

  std::vector<Table::Entry> all;
  for (const auto& part : found) all.insert(all.end(), part.begin(), part.end());
  // Stable: the parts of one value are added in block order.
  std::ranges::stable_sort(all, {}, &Table::Entry::key);
  std::vector<Table::Entry> merged;
  for (const auto& entry : all) {
    if (merged.empty() || merged.back().key != entry.key) {
      merged.push_back(entry);
    } else {
      merged.back().sums.weight += entry.sums.weight;
      merged.back().sums.purchases += entry.sums.purchases;
    }
  }
  const auto distinct = std::ssize(merged);
  sample.ages_distinct = true;
  sample.age = Buffer<double>(distinct);
  sample.age_weight = Buffer<double>(distinct);
  sample.age_purchases = Buffer<double>(distinct);
  for (std::int64_t i = 0; i < distinct; ++i) {
    const auto& entry = merged[static_cast<std::size_t>(i)];
    sample.age[i] = entry.key;
    sample.age_weight[i] = entry.sums.weight;
    sample.age_purchases[i] = entry.sums.purchases;
  }
}

struct HashTimes {
  std::uint64_t operator()(const RepeatTimes& t) const {
    const auto recency = std::bit_cast<std::uint64_t>(t.recency);
    const auto age = std::bit_cast<std::uint64_t>(t.age);
    return ((recency ^ (recency >> 32)) * 0xff51afd7ed558ccdu + (age ^ (age >> 32))) *
           0x9e3779b97f4a7c15u;
  }
};

using TimesTable = HashSums<RepeatTimes, double, HashTimes>;

/// The distinct rows of one group, if merging pays: where at least a fifth of a sixteenth of the
/// rows are repeats, as the whole group then shrinks several times over. Otherwise empty.
std::vector<TimesTable::Entry> merged_rows(const PurchaseSample& s, std::int64_t from,
                                           std::int64_t to) {
  const std::int64_t rows = to - from;
  if (rows < 1024) return {};
  const std::int64_t part = std::max<std::int64_t>(1024, rows / 16);
  const std::int64_t stride = rows / part;
  TimesTable probe(static_cast<std::size_t>(part));
  for (std::int64_t i = 0; i < part; ++i) probe[s.repeat_times[from + i * stride]];
  if (static_cast<double>(probe.size()) > 0.8 * static_cast<double>(part)) return {};

  TimesTable table(2 * probe.size());
  for (std::int64_t i = from; i < to; ++i)
    table[s.repeat_times[i]] += s.repeat_weight.empty() ? 1.0 : s.repeat_weight[i];
  return table.entries();
}

void merge_equal_rows(PurchaseSample& s, const Execution& execution) {
  const std::int64_t groups = std::ssize(s.first) - 1;
  std::vector<std::vector<TimesTable::Entry>> merged(static_cast<std::size_t>(groups));
  for_each_task(groups, execution, [&](std::int64_t g) {
    merged[static_cast<std::size_t>(g)] = merged_rows(s, s.first[g], s.first[g + 1]);
  });
  if (std::ranges::all_of(merged, [](const auto& m) { return m.empty(); })) return;
  if (s.repeat_weight.empty()) {
    s.repeat_weight = Buffer<double>(s.repeat_rows());
    std::ranges::fill(s.repeat_weight.span(), 1.0);
  }
  std::int64_t end = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t from = s.first[g], to = s.first[g + 1];
    const auto& rows = merged[static_cast<std::size_t>(g)];
    s.first[g] = end;
    for (const auto& row : rows) {
      s.repeat_times[end] = row.key;
      s.repeat_weight[end++] = row.sums;
    }
    for (std::int64_t i = from; rows.empty() && i < to; ++i, ++end) {
      s.repeat_times[end] = s.repeat_times[i];
      s.repeat_weight[end] = s.repeat_weight[i];
    }
  }
  s.first[groups] = end;
}

}  // namespace

void require_valid(const RepeatPurchases& p, const Execution& execution) {
  require_length("recency", p.recency, p.rows());
  require_length("T", p.age, p.rows());
  if (p.weight) require_length("weight", *p.weight, p.rows());
  for_each_block(p.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    const double* const x = p.frequency.data();
    const double* const t_x = p.recency.data();
    const double* const age = p.age.data();
    bool bad = false;
    for (std::int64_t i = from; i < to; ++i) {
      // Written so that NaN fails: every comparison with it is false.
      const bool count = (x[i] >= 0.0) & (x[i] <= kLargestCount) & (whole(x[i]));
      const bool times =
          (t_x[i] >= 0.0) & (t_x[i] <= age[i]) & (age[i] <= std::numeric_limits<double>::max());
      bad |= !(count & times & ((x[i] > 0.0) == (t_x[i] > 0.0)));
    }
    if (p.weight)
      for (std::int64_t i = from; i < to; ++i) {
        const double w = (*p.weight)[i];
        bad |= !((w >= 0.0) & (w <= std::numeric_limits<double>::max()));
      }
    if (!bad) return;
    for (std::int64_t i = from; i < to; ++i) require_valid_row(p, i);
  });
}

void require_valid_ages(std::span<const double> age, std::optional<std::span<const double>> weight,
                        const Execution& execution) {
  if (weight) require_length("weight", *weight, std::ssize(age));
  for_each_block(std::ssize(age), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      if (!(age[i] >= 0.0 && std::isfinite(age[i])))
        throw InvalidInput("T", i, age[i], "finite and >= 0");
      if (weight && !((*weight)[i] >= 0.0 && std::isfinite((*weight)[i])))
        throw InvalidInput("weight", i, (*weight)[i], "finite and >= 0");
    }
  });
}

PurchaseSample sample_purchases(const RepeatPurchases& p, SampleRows rows,
                                const Execution& execution) {
  require_valid(p, execution);
  if (p.rows() == 0) throw InvalidInput("frequency", -1, 0.0, "non-empty");

  PurchaseSample s;
  sum_by_age(p, s, execution);
  double longest = 0.0, age = 0.0;
  for (std::int64_t i = 0; i < s.age.size(); ++i) {
    s.customers += s.age_weight[i];
    s.purchases += s.age_purchases[i];
    longest = std::max(longest, s.age[i]);
  }
  if (!(s.customers > 0.0))
    throw InvalidInput("weight", -1, s.customers, "greater than 0 in at least one row");
  if (!std::isfinite(s.customers) || !std::isfinite(s.purchases))
    throw InvalidInput("weight", -1, s.purchases, "such that sums over the rows are finite");
  if (longest > 0.0) s.time_scale = std::ldexp(1.0, -std::clamp(std::ilogb(longest), -1000, 1000));
  for (std::int64_t i = 0; i < s.age.size(); ++i) {
    s.age[i] *= s.time_scale;
    age += s.age_weight[i] * s.age[i];
  }
  s.mean_age = age / s.customers;

  s.repeat_times = Buffer<RepeatTimes>(p.rows());
  if (p.weight) s.repeat_weight = Buffer<double>(p.rows());
  const double lowest = rows == SampleRows::everyone ? 0.0 : 1.0;
  auto groups = group_by_frequency(
      p.frequency, lowest, execution, [&](std::int64_t row, std::int64_t position) {
        s.repeat_times[position] = {p.recency[row] * s.time_scale, p.age[row] * s.time_scale};
        if (p.weight) s.repeat_weight[position] = (*p.weight)[row];
      });
  s.first = std::move(groups.first);
  if (groups.rows() < p.rows()) {
    s.x.push_back(0.0);
    s.x_weight.push_back(0.0);
  }
  double repeaters = 0.0;
  for (std::int64_t g = 0; g < groups.groups(); ++g) {
    double weight = 0.0;
    if (!p.weight) weight = static_cast<double>(s.first[g + 1] - s.first[g]);
    for (std::int64_t i = s.first[g]; p.weight && i < s.first[g + 1]; ++i)
      weight += s.repeat_weight[i];
    s.x.push_back(groups.x[g]);
    s.x_weight.push_back(weight);
    repeaters += weight;
  }
  if (s.zero_groups() == 1) s.x_weight[0] = std::max(0.0, s.customers - repeaters);
  merge_equal_rows(s, execution);
  return s;
}

}  // namespace tenure::clv
