#include "tenure/segment/concentration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/buffer.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment {
namespace {

/// Sorted blocks, merged pair by pair: every step is short enough for Ctrl-C to be prompt.
Buffer<double> sorted(std::span<const double> values, const Execution& execution) {
  const std::int64_t n = std::ssize(values);
  Buffer<double> from(n), to(n);
  for_each_block(n, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) from[i] = values[static_cast<std::size_t>(i)];
    std::sort(from.data() + first, from.data() + last);
  });
  for (std::int64_t run = kBlockRows; run < n; run *= 2) {
    for_each_block(
        n, execution,
        [&](std::int64_t, std::int64_t first, std::int64_t last) {
          const std::int64_t middle = std::min(first + run, last);
          std::merge(from.data() + first, from.data() + middle, from.data() + middle,
                     from.data() + last, to.data() + first);
        },
        2 * run);
    std::swap(from, to);
  }
  return from;
}

void require_valid(std::span<const double> value, std::optional<std::span<const double>> orders,
                   std::span<const double> share, std::int64_t points) {
  if (value.empty()) throw InvalidInput("values", -1, 0.0, "of at least one customer");
  double total = 0.0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!std::isfinite(value[i]))
      throw InvalidInput("values", static_cast<std::int64_t>(i), value[i], "finite");
    total += value[i];
  }
  if (!(total > 0.0 && std::isfinite(total)))
    throw InvalidInput("values", -1, total, "of a finite total > 0");
  if (orders && orders->size() != value.size())
    throw InvalidInput("orders", -1, static_cast<double>(orders->size()), "as long as values");
  for (std::size_t i = 0; orders && i < orders->size(); ++i)
    if (!(std::isfinite((*orders)[i]) && (*orders)[i] >= 0.0))
      throw InvalidInput("orders", static_cast<std::int64_t>(i), (*orders)[i], "finite and >= 0");
  for (std::size_t i = 0; i < share.size(); ++i)
    if (!(share[i] > 0.0 && share[i] <= 1.0))
      throw InvalidInput("top", static_cast<std::int64_t>(i), share[i], "> 0 and <= 1");
  if (points < 2) throw InvalidInput("points", -1, static_cast<double>(points), "at least 2");
}

}  // namespace

Concentration concentration(std::span<const double> value,
                            std::optional<std::span<const double>> orders,
                            std::span<const double> share, std::int64_t points,
                            const Execution& execution) {
  require_valid(value, orders, share, points);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const std::int64_t n = std::ssize(value);
  const auto customers = static_cast<double>(n);
  const Buffer<double> x = sorted(value, execution);

  Buffer<double> below(n + 1);  // total of the lowest i customers
  below[0] = 0.0;
  double rank_weighted = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (i % 65536 == 0) execution.poll();
    below[i + 1] = below[i] + x[i];
    rank_weighted += static_cast<double>(2 * i + 1 - n) * x[i];
  }
  const double total = below[n];
  const auto sum_orders = [&](const auto& counts) {
    return orders ? block_sum(n, execution,
                              [&](std::int64_t i) {
                                return counts(value[static_cast<std::size_t>(i)]) *
                                       (*orders)[static_cast<std::size_t>(i)];
                              })
                  : kNaN;
  };

  Concentration result{
      customers, total, sum_orders([](double) { return 1.0; }), rank_weighted / (customers * total),
      {},        {}};
  for (std::int64_t p = 0; p < points; ++p) {
    // The position n p / (points - 1) in whole numbers, so that whole customers are hit exactly.
    const std::int64_t i = n * p / (points - 1);
    const double part = static_cast<double>(n * p % (points - 1)) / static_cast<double>(points - 1);
    result.lorenz.push_back(((i < n ? part * x[i] : 0.0) + below[i]) / total);
  }
  for (const double q : share) {
    const double wanted = q * customers;
    const auto whole = std::min(n - 1, static_cast<std::int64_t>(std::ceil(wanted)) - 1);
    const double border = x[n - 1 - whole];  // the last customer who counts at all
    const auto* const first = std::lower_bound(x.data(), x.data() + n, border);
    const auto* const last = std::upper_bound(first, x.data() + n, border);
    const auto above = static_cast<double>(x.data() + n - last);
    const double part = (wanted - above) / static_cast<double>(last - first);
    const double equal = static_cast<double>(last - first) * border;
    result.top.push_back(
        {wanted, (total - below[last - x.data()]) + part * equal, sum_orders([&](double v) {
           return v > border ? 1.0 : v == border ? part : 0.0;
         })});
  }
  return result;
}

}  // namespace tenure::segment
