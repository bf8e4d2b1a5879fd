#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::segment {

/// The customers of greatest value who make up a share of all customers, and the others. Customers
/// of equal value at the border count as a fraction each, so that no order among them matters.
struct TopShare {
  double customers;  ///< share x number of customers, perhaps not whole
  double value;      ///< their total value
  double orders;     ///< their total orders; NaN without orders
};

struct Concentration {
  double customers;
  double value;   ///< total
  double orders;  ///< total; NaN without orders
  double gini;
  std::vector<double> lorenz;  ///< at i/(points - 1): the share of value of the lowest so many
  std::vector<TopShare> top;   ///< by asked share
};

/// How much of the value few customers hold.
/// Gini = sum_i (2 i - n - 1) x_(i) / (n sum x), x_(1) <= ... <= x_(n)  [Gini 1914; Sen 1973, ch.
/// 2]; Lorenz curve linear between customers. With negative values the curve dips below 0 and Gini
/// may exceed 1. O(n log n). Same bits for every thread count.
///
/// Throws InvalidInput for values that are not finite or do not add up to more than 0, for orders
/// that are not finite or negative, for shares outside (0, 1] and fewer than 2 points.
Concentration concentration(std::span<const double> value,
                            std::optional<std::span<const double>> orders,
                            std::span<const double> share, std::int64_t points,
                            const Execution& execution);

}  // namespace tenure::segment
