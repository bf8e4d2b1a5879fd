#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/optim/result.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/survival/weighted_gram.hpp"

namespace tenure::survival {

/// Customers who are asked once a period whether they stay. Views: nothing is copied.
struct PeriodSample {
  std::span<const std::int32_t> periods;  ///< the last period in which they were asked, 1 to `last`
  std::span<const std::uint8_t> churned;  ///< 1: they left in it
  Design x;                               ///< finite
  /// Rows last x columns: what the hazard of period t, row t - 1, has in common for all customers.
  Design time;
  std::optional<std::span<const std::int32_t>> entry = {};  ///< periods before the first seen; 0
  std::optional<std::span<const double>> weight = {};       ///< finite, >= 0, not all 0
};

enum class HazardLink : std::uint8_t { logit, cloglog };

struct DiscreteTimeOptions {
  HazardLink link = HazardLink::logit;
  std::int64_t max_iterations = 200;
  double tolerance = 1e-9;
};

struct DiscreteTimeFit {
  std::vector<double> coefficients;  ///< of time, then of x
  std::vector<double> covariance;    ///< inverse of the negative Hessian
  double log_likelihood = 0.0;
  double person_periods = 0.0;  ///< weight of all questions asked
  optim::Status status = optim::Status::stalled;
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;
};

/// Hazard regression in whole periods: h_it = g(a_t + x_i b), a = time matrix times its
/// coefficients, g the inverse logit or 1 - exp(-exp(.)). The likelihood is that of a binary
/// regression of all person-periods [Cox 1972; Prentice & Gloeckler 1978, Biometrics 34:57-67;
/// Allison 1982, Sociological Methodology 13:61-98], which are never written out: a row's periods
/// are summed first, and its columns enter once.
///
/// Newton's method, columns standardised. O(person-periods (columns of time that are not 0) + rows
/// columns^2) an iteration, and O(person-periods columns) where time is a factor; same bits for any
/// number of threads. Throws InvalidInput for a bad row and unequal lengths.
DiscreteTimeFit discrete_time_fit(const PeriodSample& sample, const DiscreteTimeOptions& options,
                                  const Execution& execution = {});

}  // namespace tenure::survival
