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

/// Where `select` reads keys from: the values themselves, then the keys of a bucket.
struct KeysOfValues {
  std::span<const double> values;
  std::uint64_t operator()(std::int64_t i) const {
    return key_of(values[static_cast<std::size_t>(i)]);
  }
};
struct KeysOfBucket {
  const std::vector<std::uint64_t>& keys;
  std::uint64_t operator()(std::int64_t i) const { return keys[static_cast<std::size_t>(i)]; }
};

/// The digits that a key is read in, from the top: sign and exponent, then the mantissa. A table of
/// counts fits the first-level cache.
struct Digit {
  int shift;
  int bits;
};
constexpr std::array<Digit, 5> kDigits{{{52, 12}, {39, 13}, {26, 13}, {13, 13}, {0, 13}}};

/// Order statistics of keys that agree in all digits before `level`: the counts of one digit tell
/// the bucket of each rank, and only the keys in those buckets are looked at further.
template <class KeyAt>
void select(std::int64_t n, const KeyAt& key_at, std::span<const std::int64_t> ranks,
            std::size_t level, double* out, const Execution& execution) {
  const auto [shift, bits] = kDigits[level];
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  std::vector<std::int64_t> count(mask + 1);
  each(n, execution, [&](std::int64_t i) { ++count[(key_at(i) >> shift) & mask]; });

  struct Bucket {
    std::vector<std::uint64_t> keys;
    std::vector<std::int64_t> ranks;  // within the bucket
    bool one_value = true;
  };
  std::vector<Bucket> wanted;
  std::vector<std::uint8_t> slot(mask + 1);  // 1 + position in `wanted`
  std::uint64_t bucket = 0;
  std::int64_t before = 0;
  for (const std::int64_t r : ranks) {
    while (before + count[bucket] <= r) before += count[bucket++];
    if (slot[bucket] == 0) {
      wanted.emplace_back().keys.reserve(static_cast<std::size_t>(count[bucket]));
      slot[bucket] = static_cast<std::uint8_t>(wanted.size());
    }
    wanted.back().ranks.push_back(r - before);
  }
  each(n, execution, [&](std::int64_t i) {
    const std::uint64_t key = key_at(i);
    if (const std::uint8_t s = slot[(key >> shift) & mask]) {
      Bucket& to = wanted[s - 1u];
      to.keys.push_back(key);
      to.one_value &= key == to.keys.front();
    }
  });
  for (Bucket& in : wanted) {
    const auto size = std::ssize(in.keys);
    if (in.one_value || size <= 4096 || level + 1 == kDigits.size()) {
      if (!in.one_value) std::ranges::sort(in.keys);
      for (const std::int64_t r : in.ranks) *out++ = value_of(in.keys[static_cast<std::size_t>(r)]);
    } else {
      select(size, KeysOfBucket{in.keys}, in.ranks, level + 1, out, execution);
      out += in.ranks.size();
    }
    in.keys = {};
  }
}

/// Values turned so that more is better.
Buffer<double> goodness(std::span<const double> values, bool fewer_is_better,
                        const Execution& execution) {
  Buffer<double> y(std::ssize(values));
  each(y.size(), execution, [&](std::int64_t i) {
    const double x = values[static_cast<std::size_t>(i)];
    y[i] = (fewer_is_better ? -x : x) + 0.0;
  });
  return y;
}

/// 1 + the number of cut points below y.
Buffer<std::uint8_t> beaten(const Buffer<double>& y, const std::vector<double>& cut,
                            const Execution& execution) {
  Buffer<std::uint8_t> score(y.size());
  constexpr std::int64_t kPiece = 2048;  // stays in the cache while the cut points pass over it
  each(block_count(y.size(), kPiece), execution, [&](std::int64_t piece) {
    const std::int64_t first = piece * kPiece, last = std::min(y.size(), first + kPiece);
    std::fill(score.data() + first, score.data() + last, std::uint8_t{1});
    for (const double c : cut)
      for (std::int64_t i = first; i < last; ++i) score[i] += y[i] > c;
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
  each(n, execution, [&](std::int64_t i) {
    for (Border& b : border) b.split -= y[static_cast<std::size_t>(i)] < b.value;
  });
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
  each(y.size(), execution, [&](std::int64_t i) {
    members[static_cast<std::size_t>(group[static_cast<std::size_t>(i)])].push_back(i);
  });
  Buffer<std::uint8_t> score(y.size());
  for (auto& rows : members) {
    std::vector<double> values(rows.size());
    each(std::ssize(rows), execution, [&](std::int64_t i) {
      values[static_cast<std::size_t>(i)] = y[rows[static_cast<std::size_t>(i)]];
    });
    const Buffer<std::uint8_t> inside = by_rank(values, bins, execution);
    each(std::ssize(rows), execution,
         [&](std::int64_t i) { score[rows[static_cast<std::size_t>(i)]] = inside[i]; });
    rows = {};
  }
  return score;
}

void require_valid(const RfmInput& input, RfmScoring scoring, int bins,
                   const std::array<std::vector<double>, 3>& cut, const Execution& execution) {
  const auto n = std::ssize(input.days_since_last);
  if (n == 0) throw InvalidInput("days_since_last", -1, 0.0, "of at least one customer");
  if (bins < 2 || bins > 10) throw InvalidInput("bins", -1, bins, "from 2 to 10");
  const auto check = [n, &execution](const char* name, std::span<const double> values,
                                     bool negative) {
    if (std::ssize(values) != n)
      throw InvalidInput(name, -1, static_cast<double>(values.size()),
                         "as long as days_since_last");
    each(n, execution, [&](std::int64_t i) {
      const double x = values[static_cast<std::size_t>(i)];
      if (!std::isfinite(x) || (!negative && x < 0.0))
        throw InvalidInput(name, i, x, negative ? "finite" : "finite and >= 0");
    });
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
  std::vector<double> found(ranks.size());
  if (!ranks.empty())
    select(std::ssize(values), KeysOfValues{values}, ranks, 0, found.data(), execution);
  return found;
}

RfmScores rfm_scores(const RfmInput& input, RfmScoring scoring, int bins,
                     const std::array<std::vector<double>, 3>& cut, const Execution& execution) {
  require_valid(input, scoring, bins, cut, execution);
  const std::array<std::span<const double>, 3> values{
      input.days_since_last, input.orders,
      input.monetary ? *input.monetary : std::span<const double>{}};
  const int dimensions = input.monetary ? 3 : 2;
  RfmScores result;
  std::array<Buffer<double>, 3> y;
  for_each_task(dimensions, execution, [&](std::int64_t dimension) {
    const auto c = static_cast<std::size_t>(dimension);
    const bool fewer = c == 0;
    y[c] = goodness(values[c], fewer, execution);
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
      each(std::ssize(group), execution, [&](std::int64_t i) {
        int& g = group[static_cast<std::size_t>(i)];
        g = g * bins + result.score[c - 1][i] - 1;
      });
      groups *= bins;
      result.score[c] = by_rank_within(y[c], group, groups, bins, execution);
    }
  }
  return result;
}

}  // namespace tenure::segment
