#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tenure/optim/result.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/survival/log_lifetime.hpp"
#include "tenure/survival/weighted_gram.hpp"

namespace tenure::survival {

/// Lifetimes and what may tell them apart, one row a customer. A lifetime is exactly `lower` where
/// both ends are equal, else within (lower, upper]: censored at `lower` where upper is infinite,
/// left of `upper` where lower is 0. Views: nothing is copied.
struct AftSample {
  std::span<const double> lower, upper;  ///< 0 <= lower <= upper; exact ones > 0
  Design x;                              ///< finite
  /// Tenure at which observation began, finite, 0 <= entry < upper and <= lower; absent: 0.
  std::optional<std::span<const double>> entry = {};
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0, not all 0
  std::optional<std::span<const double>> offset = {};  ///< finite; added to the linear predictor
};

struct AftOptions {
  Lifetime law = Lifetime::weibull;
  bool intercept = true;
  std::int64_t max_iterations = 200;
  double tolerance = 1e-9;  ///< of the gradient per customer, in standardised columns
};

struct AftFit {
  std::vector<double> coefficients;  ///< intercept first, if any, then by column
  double log_scale = 0.0;            ///< 0 in exponential
  double shape = 0.0;                ///< q of generalized_gamma
  double log_likelihood = 0.0;
  /// Inverse of the negative Hessian, of coefficients, log scale (but in exponential) and shape (in
  /// generalized_gamma); NaN unless positive definite.
  std::vector<double> covariance;
  optim::Status status = optim::Status::stalled;
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;
};

/// Accelerated failure time regression, log T = x b + sigma W: maximum likelihood. With w = (log t
/// - x b) / sigma a row gives log f(w) - log(sigma t), log S(w), log F(w) or log(S(w_1) - S(w_2)),
/// less log S(w) of its entry. [Kalbfleisch & Prentice 2002, ch. 3; Lawless 2003, ch. 6]
///
/// Newton's method in (b, log sigma, q) with the analytic gradient and Hessian; derivatives by q
/// are differences of fourth order of the analytic rest. Columns are centred (with an intercept)
/// and scaled while they are read, so that units do not matter. O(rows columns^2) an iteration,
/// bound by arithmetic, in blocks: same bits for any number of threads.
///
/// Throws InvalidInput for a bad row and for spans of unequal length.
AftFit aft_fit(const AftSample& sample, const AftOptions& options, const Execution& execution = {});

/// log likelihood of each row (weights left aside) and its derivatives by the linear predictor, by
/// log sigma and by q, rows x 4, at given parameters.
std::vector<double> aft_rows(const AftSample& sample, Lifetime law,
                             std::span<const double> linear_predictor, double log_scale,
                             double shape, const Execution& execution = {});

}  // namespace tenure::survival
