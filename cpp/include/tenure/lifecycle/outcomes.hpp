#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tenure::lifecycle {

/// What came of customers in a hold-out window, one row a customer.
struct OutcomeRows {
  std::span<const std::uint8_t> group;    ///< < groups
  std::span<const std::uint8_t> ordered;  ///< 1: an order in the window
  std::span<const double> revenue;        ///< net revenue in the window
};

/// By group. NaN where a group has nobody (limits of a mean: below two).
struct GroupOutcomes {
  std::vector<std::int64_t> customers;
  std::vector<std::int64_t> lost;                    ///< without an order in the window
  std::vector<double> loss, loss_lower, loss_upper;  ///< share lost, Wilson's interval
  std::vector<double> revenue;                       ///< sum
  std::vector<double> mean, mean_lower, mean_upper;  ///< of revenue a customer, normal limits
  std::vector<double> median;
  std::vector<double> winsorised_mean;  ///< values beyond the quantiles 1 - w and w moved to them
};

struct OutcomeOptions {
  double level = 0.95;      ///< confidence, in (0, 1)
  double winsorise = 0.99;  ///< w, in [0.5, 1]; 1 moves nothing
};

/// Quantiles are of type 7. O(customers log customers), one thread. Throws InvalidInput for spans
/// of unequal length and options out of range.
GroupOutcomes group_outcomes(const OutcomeRows& rows, std::int64_t groups,
                             const OutcomeOptions& options);

}  // namespace tenure::lifecycle
