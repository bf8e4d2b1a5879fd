#include "tenure/segment/rfm.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment {
namespace {

constexpr std::int64_t kPollRows = std::int64_t{1} << 16;

/// Calls body(i) for 0 <= i < n, asking now and then whether to stop.
template <class Body>
void each(std::int64_t n, const Execution& execution, const Body& body) {
  for (std::int64_t first = 0; first < n; first += kPollRows) {
    execution.poll();
    for (std::int64_t i = first; i < std::min(n, first + kPollRows); ++i) body(i);
  }
}

/// An unsigned integer in the order of the doubles; 0.0 and -0.0 have the same.
std::uint64_t key_of(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x + 0.0);
  return bits >> 63 ? ~bits : bits | (std::uint64_t{1} << 63);
}
double value_of(std::uint64_t key) {
  return std::bit_cast<double>(key >> 63 ? key & ~(std::uint64_t{1} << 63) : ~key);
}

/// Keys that agree above bit `shift + 16`: sixteen bits tell the bucket of each rank, and only
/// those buckets are looked at further.
void select(const std::vector<std::uint64_t>& keys, std::span<const std::int64_t> ranks, int shift,
            double* out, const Execution& execution) {
  if (keys.size() <= 4096 || shift < 0) {
    std::vector<std::uint64_t> sorted = keys;
    if (shift >= 0) std::ranges::sort(sorted);
    for (const std::int64_t r : ranks) *out++ = value_of(sorted[static_cast<std::size_t>(r)]);
    return;
  }
  const auto bucket_of = [shift](std::uint64_t key) { return (key >> shift) & 0xFFFF; };
  std::vector<std::int64_t> count(1 << 16);
  each(std::ssize(keys), execution,
       [&](std::int64_t i) { ++count[bucket_of(keys[static_cast<std::size_t>(i)])]; });
  std::uint64_t bucket = 0;
  std::int64_t before = 0;
  for (std::size_t r = 0; r < ranks.size();) {
    while (before + count[bucket] <= ranks[r]) before += count[bucket++];
    std::vector<std::int64_t> inside;
    for (; r < ranks.size() && ranks[r] < before + count[bucket]; ++r)
      inside.push_back(ranks[r] - before);
    std::vector<std::uint64_t> members;
    members.reserve(static_cast<std::size_t>(count[bucket]));
    each(std::ssize(keys), execution, [&](std::int64_t i) {
      const std::uint64_t key = keys[static_cast<std::size_t>(i)];
      if (bucket_of(key) == bucket) members.push_back(key);
    });
    select(members, inside, shift - 16, out, execution);
    out += inside.size();
  }
}

/// Values turned so that more is better.
Buffer<double> goodness(std::span<const double> values, bool fewer_is_better) {
  Buffer<double> y(std::ssize(values));
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const double x = values[static_cast<std::size_t>(i)];
    y[i] = (fewer_is_better ? -x : x) + 0.0;
  }
  return y;
}

/// 1 + the number of cut points below y.
Buffer<std::uint8_t> beaten(const Buffer<double>& y, const std::vector<double>& cut,
                            const Execution& execution) {
  Buffer<std::uint8_t> score(y.size());
  each(y.size(), execution, [&](std::int64_t i) {
    int points = 1;
    for (const double c : cut) points += y[i] > c;
    score[i] = static_cast<std::uint8_t>(points);
  });
  return score;
}

Buffer<std::uint8_t> by_quantiles(const Buffer<double>& y, int bins, std::vector<double>& cut,
                                  const Execution& execution) {
  std::vector<std::int64_t> ranks;  // of the two order statistics around each cut point
  for (std::int64_t i = 1; i < bins; ++i) {
    const std::int64_t below = (y.size() - 1) * i / bins;
    ranks.push_back(below);
    ranks.push_back(std::min(below + 1, y.size() - 1));
  }
  std::vector<std::int64_t> ascending = ranks;
  std::ranges::sort(ascending);
  const std::vector<double> statistic = order_statistics(y.span(), ascending, execution);
  const auto at = [&](std::int64_t rank) {
    return statistic[static_cast<std::size_t>(std::ranges::lower_bound(ascending, rank) -
                                              ascending.begin())];
  };
  std::vector<double> lower;
  for (std::int64_t i = 1; i < bins; ++i) {
    const auto r = static_cast<std::size_t>(2 * (i - 1));
    const double a = at(ranks[r]), b = at(ranks[r + 1]);
    const double part = static_cast<double>((y.size() - 1) * i % bins) / bins;
    const double between = std::lerp(a, b, part);
    lower.push_back(a);
    // Rounded up to b it would no longer be beaten by b.
    cut.push_back(between < b ? between : a);
  }
  return beaten(y, lower, execution);
}

/// Tile t of sizes as equal as can be, the first ones larger; equal values in order of rows.
Buffer<std::uint8_t> by_rank(std::span<const double> y, int bins, const Execution& execution) {
  const std::int64_t n = std::ssize(y);
  struct Border {
    double value;        // of the first customer above it
    std::int64_t split;  // how many customers of that value stay below it
  };
  std::vector<std::int64_t> ranks;
  for (std::int64_t t = 1; t < bins; ++t)
    if (const auto below = t * (n / bins) + std::min(t, n % bins); below < n)
      ranks.push_back(below);
  std::vector<Border> border;
  for (const double v : order_statistics(y, ranks, execution))
    border.push_back({v, ranks[border.size()]});
  for (Border& b : border) {
    std::int64_t less = 0;
    each(n, execution, [&](std::int64_t i) { less += y[static_cast<std::size_t>(i)] < b.value; });
    b.split -= less;
  }
  Buffer<std::uint8_t> score(n);
  each(n, execution, [&](std::int64_t i) {
    const double x = y[static_cast<std::size_t>(i)];
    int points = 1;
    for (Border& b : border) points += x > b.value || (x == b.value && b.split-- <= 0);
    score[i] = static_cast<std::uint8_t>(points);
  });
  return score;
}

/// by_rank within each group of customers.
Buffer<std::uint8_t> by_rank_within(const Buffer<double>& y, const std::vector<int>& group,
                                    int groups, int bins, const Execution& execution) {
  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(groups));
  for (std::int64_t i = 0; i < y.size(); ++i)
    members[static_cast<std::size_t>(group[static_cast<std::size_t>(i)])].push_back(i);
  Buffer<std::uint8_t> score(y.size());
  for (const auto& rows : members) {
    if (rows.empty()) continue;
    std::vector<double> values;
    values.reserve(rows.size());
    for (const std::int64_t i : rows) values.push_back(y[i]);
    const Buffer<std::uint8_t> inside = by_rank(values, bins, execution);
    for (std::size_t i = 0; i < rows.size(); ++i)
      score[rows[i]] = inside[static_cast<std::int64_t>(i)];
  }
  return score;
}

void require_valid(const RfmInput& input, RfmScoring scoring, int bins,
                   const std::array<std::vector<double>, 3>& cut) {
  const auto n = std::ssize(input.days_since_last);
  if (n == 0) throw InvalidInput("days_since_last", -1, 0.0, "of at least one customer");
  if (bins < 2 || bins > 10) throw InvalidInput("bins", -1, bins, "from 2 to 10");
  const auto check = [n](const char* name, std::span<const double> values, bool negative) {
    if (std::ssize(values) != n)
      throw InvalidInput(name, -1, static_cast<double>(values.size()),
                         "as long as days_since_last");
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i]) || (!negative && values[i] < 0.0))
        throw InvalidInput(name, static_cast<std::int64_t>(i), values[i],
                           negative ? "finite" : "finite and >= 0");
  };
  check("days_since_last", input.days_since_last, false);
  check("orders", input.orders, false);
  if (input.monetary) check("monetary", *input.monetary, true);
  if (scoring != RfmScoring::fixed) return;
  for (std::size_t c = 0; c < (input.monetary ? 3u : 2u); ++c) {
    if (std::ssize(cut[c]) != bins - 1)
      throw InvalidInput("cuts", -1, static_cast<double>(cut[c].size()),
                         "bins - 1 cut points for each of days_since_last, orders and monetary");
    for (std::size_t i = 0; i < cut[c].size(); ++i)
      if (!std::isfinite(cut[c][i]) || (i > 0 && cut[c][i] < cut[c][i - 1]))
        throw InvalidInput("cuts", static_cast<std::int64_t>(i), cut[c][i], "finite and ascending");
  }
}

}  // namespace

std::vector<double> order_statistics(std::span<const double> values,
                                     std::span<const std::int64_t> ranks,
                                     const Execution& execution) {
  std::vector<std::uint64_t> keys(values.size());
  each(std::ssize(values), execution, [&](std::int64_t i) {
    keys[static_cast<std::size_t>(i)] = key_of(values[static_cast<std::size_t>(i)]);
  });
  std::vector<double> found(ranks.size());
  select(keys, ranks, 48, found.data(), execution);
  return found;
}

RfmScores rfm_scores(const RfmInput& input, RfmScoring scoring, int bins,
                     const std::array<std::vector<double>, 3>& cut, const Execution& execution) {
  require_valid(input, scoring, bins, cut);
  const std::array<std::span<const double>, 3> values{
      input.days_since_last, input.orders,
      input.monetary ? *input.monetary : std::span<const double>{}};
  const int dimensions = input.monetary ? 3 : 2;
  RfmScores result;
  std::array<Buffer<double>, 3> y;
  for_each_task(dimensions, execution, [&](std::int64_t dimension) {
    const auto c = static_cast<std::size_t>(dimension);
    const bool fewer = c == 0;
    y[c] = goodness(values[c], fewer);
    std::vector<double> turned;  // cut points of y, ascending
    if (scoring == RfmScoring::quantile) {
      result.score[c] = by_quantiles(y[c], bins, turned, execution);
    } else if (scoring == RfmScoring::fixed) {
      for (const double x : cut[c]) turned.push_back(fewer ? -x : x);
      std::ranges::sort(turned);
      result.score[c] = beaten(y[c], turned, execution);
    } else if (scoring == RfmScoring::ntile || c == 0) {
      result.score[c] = by_rank(y[c].span(), bins, execution);
    }
    for (const double x : turned) result.cut[c].push_back((fewer ? -x : x) + 0.0);
    std::ranges::sort(result.cut[c]);
  });
  if (scoring == RfmScoring::nested) {
    std::vector<int> group(values[0].size());
    int groups = 1;
    for (std::size_t c = 1; c < static_cast<std::size_t>(dimensions); ++c) {
      for (std::size_t i = 0; i < group.size(); ++i)
        group[i] = group[i] * bins + result.score[c - 1][static_cast<std::int64_t>(i)] - 1;
      groups *= bins;
      result.score[c] = by_rank_within(y[c], group, groups, bins, execution);
    }
  }
  return result;
}

}  // namespace tenure::segment
