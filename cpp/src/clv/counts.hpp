#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

/// What the predictions of all models of repeat purchases ask and do alike.
namespace tenure::clv {

inline void require_time(const char* argument, double time) {
  if (!(time >= 0.0 && std::isfinite(time)))
    throw InvalidInput(argument, -1, time, "finite and >= 0");
}

inline void require_count(std::int64_t row, double n) {
  if (!(n >= 0.0 && n <= 0x1p51 && n == std::floor(n)))
    throw InvalidInput("n", row, n, "a whole number >= 0");
}

inline void require_frequencies(std::int64_t frequencies) {
  if (frequencies < 1)
    throw InvalidInput("max_frequency", -1, static_cast<double>(frequencies), ">= 1");
}

/// value(n) of each count; `rows` of them are a task.
template <class Value>
Buffer<double> of_counts(std::span<const double> count, std::int64_t rows,
                         const Execution& execution, const Value& value) {
  Buffer<double> out(std::ssize(count));
  for_each_block(
      std::ssize(count), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) {
          require_count(i, count[i]);
          out[i] = value(count[i]);
        }
      },
      rows);
  return out;
}

/// value(t) of each time since acquisition; `rows` of them are a task.
template <class Value>
Buffer<double> of_times(std::span<const double> time, std::int64_t rows, const Execution& execution,
                        const Value& value) {
  Buffer<double> out(std::ssize(time));
  for_each_block(
      std::ssize(time), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) {
          if (!(time[i] >= 0.0 && std::isfinite(time[i])))
            throw InvalidInput("horizon", i, time[i], "finite and >= 0");
          out[i] = value(time[i]);
        }
      },
      rows);
  return out;
}

/// Expected customers with 0, 1, ..., `frequencies` - 1 purchases, and all others, each over an own
/// time: chances(age, tell) calls tell(n, P(n purchases)) for n = 0, 1, ..., `frequencies` - 1.
template <class Chances>
std::vector<double> counts_of_each(std::span<const double> age,
                                   std::optional<std::span<const double>> weight,
                                   std::int64_t frequencies, const Execution& execution,
                                   const Chances& chances) {
  struct Sums {
    std::vector<double> of;
    Sums& operator+=(const Sums& o) {
      for (std::size_t n = 0; n < of.size(); ++n) of[n] += o.of[n];
      return *this;
    }
  };
  const Sums none{std::vector<double>(static_cast<std::size_t>(frequencies) + 1, 0.0)};
  const auto part = [&](std::int64_t from, std::int64_t to) {
    Sums sums = none;
    for (std::int64_t i = from; i < to; ++i) {
      const double w = weight ? (*weight)[i] : 1.0;
      double told = 0.0;
      chances(age[i], [&](std::size_t n, double chance) {
        sums.of[n] += w * chance;
        told += chance;
      });
      sums.of.back() += w * std::max(0.0, 1.0 - told);
    }
    return sums;
  };
  return block_reduce(std::ssize(age), execution, none, part).of;
}

/// Expected customers with 0, 1, ..., `frequencies` - 1 purchases, and all others, of a model in
/// which a customer buys at a rate that is gamma(r, rate alpha) until an independent time of
/// leaving: stays(t) is the chance to stay beyond t, and integrate(from, to, node) calls node(t,
/// weight) for a quadrature over the density of that time, the density included in the weight. Each
/// time of leaving counts for all who are watched for longer: one integral up to the longest T, cut
/// where somebody's ends, instead of one a customer.
template <class Stays, class Integrate>
std::vector<double> counts_while_watched(double r, double alpha, std::span<const double> age,
                                         std::optional<std::span<const double>> weight,
                                         std::int64_t frequencies, const Execution& execution,
                                         const Stays& stays, const Integrate& integrate) {
  const auto rows = std::ssize(age);
  const auto weight_of = [&](std::int64_t i) { return weight ? (*weight)[i] : 1.0; };
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(order, {}, [&](std::int64_t i) { return age[i]; });
  double customers = 0.0;
  for (std::int64_t i = 0; i < rows; ++i) customers += weight_of(i);

  std::vector<double> counts(static_cast<std::size_t>(frequencies) + 1, 0.0);
  double told = 0.0;
  const auto add = [&](double t, double w) {
    const double u = t / alpha, z = u / (1.0 + u);
    double chance = w * std::exp(-r * std::log1p(u));
    for (std::int64_t n = 0; n < frequencies; ++n) {
      counts[static_cast<std::size_t>(n)] += chance;
      told += chance;
      chance *= z * (r + static_cast<double>(n)) / static_cast<double>(n + 1);
    }
  };
  double from = 0.0, watched = customers;
  for (std::size_t k = 0; k < order.size();) {
    if ((k & 1023) == 0) execution.poll();
    const double to = age[order[k]];
    if (to > from) integrate(from, to, [&](double t, double w) { add(t, watched * w); });
    double ends = 0.0;
    for (; k < order.size() && age[order[k]] == to; ++k) ends += weight_of(order[k]);
    add(to, ends * stays(to));
    watched = std::max(0.0, watched - ends);
    from = to;
  }
  counts.back() = std::max(0.0, customers - told);
  return counts;
}

}  // namespace tenure::clv
