#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"
#include "tenure/support/quantile.hpp"

namespace tenure {

/// The p-quantile of type 7 of values >= 0, exact; NaN if there are none. The values are
/// overwritten.
///
/// Of non-negative doubles the bits are ordered as the values are: each round counts 4,096 ranges
/// of bits and goes on with the range that holds the place, in at most six rounds. O(n), about two
/// passes on most data, and unlike `selected_quantile` it polls.
inline double polled_quantile(std::span<double> values, double p, const Execution& execution) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  constexpr int kBits = 12;
  constexpr std::size_t kPiece = 65536;
  const QuantilePlace place = quantile_place(std::ssize(values), p);
  std::int64_t rank = place.below;
  double above = std::numeric_limits<double>::infinity();  // least value beyond the range
  const auto bits = [](double v) { return std::bit_cast<std::uint64_t>(v); };
  std::span<double> left = values;
  std::vector<std::int64_t> count;

  const auto each = [&](const auto& body) {
    for (std::size_t from = 0; from < left.size(); from += kPiece) {
      execution.poll();
      for (const double v : left.subspan(from, std::min(kPiece, left.size() - from))) body(v);
    }
  };
  while (left.size() > kPiece) {
    double least = left[0], most = left[0];
    each([&](double v) {
      least = std::min(least, v);
      most = std::max(most, v);
    });
    if (least == most) {
      const bool inside = rank + 1 < std::ssize(left);
      return place.fraction == 0.0 || inside ? least : least + place.fraction * (above - least);
    }
    const std::uint64_t low = bits(least);
    const int shift = std::max(0, static_cast<int>(std::bit_width(bits(most) - low)) - kBits);
    const auto range = [&](double v) { return (bits(v) - low) >> shift; };
    count.assign(std::size_t{1} << kBits, 0);
    each([&](double v) { ++count[range(v)]; });
    std::size_t chosen = 0;
    for (; rank >= count[chosen]; ++chosen) rank -= count[chosen];
    std::size_t kept = 0;
    each([&](double v) {
      const std::uint64_t r = range(v);
      if (r == chosen)
        left[kept++] = v;
      else if (r > chosen)
        above = std::min(above, v);
    });
    left = left.first(kept);
  }
  const auto at = left.begin() + rank;
  std::nth_element(left.begin(), at, left.end());
  if (place.fraction == 0.0) return *at;
  if (at + 1 != left.end()) above = *std::min_element(at + 1, left.end());
  return *at + place.fraction * (above - *at);
}

}  // namespace tenure
