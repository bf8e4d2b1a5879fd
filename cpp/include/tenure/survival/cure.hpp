#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/optim/result.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/survival/log_lifetime.hpp"
#include "tenure/survival/weighted_gram.hpp"

namespace tenure::survival {

/// Lifetimes of customers of whom some never leave. Views.
struct CureSample {
  std::span<const double> duration;       ///< finite, >= 0; > 0 where churned
  std::span<const std::uint8_t> churned;  ///< not all 0
  Design incidence, latency;              ///< columns of who leaves at all, and of when; finite
  std::optional<std::span<const double>> entry = {};   ///< 0 <= entry <= duration, < if churned
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0, not all 0
};

struct CureOptions {
  Lifetime law = Lifetime::weibull;  ///< not generalized_gamma
  /// Absent: the intercept of the incidence is estimated; else it is this number.
  std::optional<double> intercept = {};
  std::int64_t max_iterations = 200;
  double tolerance = 1e-9;
};

struct CureFit {
  std::vector<double> incidence;  ///< intercept of the logit of leaving, then by column
  std::vector<double> latency;    ///< intercept of log T of who leaves, then by column
  double log_scale = 0.0;         ///< 0 in exponential
  double log_likelihood = 0.0;
  /// Of incidence (without a fixed intercept), latency and log scale (but in exponential): inverse
  /// of the negative Hessian; NaN unless positive definite.
  std::vector<double> covariance;
  optim::Status status = optim::Status::stalled;
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;
};

/// Mixture of customers who never leave and of lifetimes: P(T > t) = 1 - p + p S(t), logit p = g_0
/// + z g, log T = b_0 + x b + sigma W for those who leave. [Boag 1949, JRSS B 11:15-53; Farewell
/// 1982, Biometrics 38:1041-1046]
///
/// Newton's method with the analytic gradient and Hessian in one pass. Without columns from
/// several shares of leavers and scales first, then with all columns from the best of these, so
/// that the start owes nothing to the user. Columns are centred and scaled while they are read.
/// O(rows columns^2) an iteration, in blocks: same bits for any number of threads.
///
/// Throws InvalidInput for a bad row and for spans of unequal length.
CureFit cure_fit(const CureSample& sample, const CureOptions& options,
                 const Execution& execution = {});

/// log likelihood of each row (weights left aside) and its derivatives by the incidence predictor,
/// the lifetime predictor and log sigma, rows x 4, at given parameters.
std::vector<double> cure_rows(const CureSample& sample, Lifetime law,
                              std::span<const double> incidence_predictor,
                              std::span<const double> latency_predictor, double log_scale,
                              const Execution& execution = {});

/// A fitted mixture and whom it is asked about.
struct CureCustomers {
  Lifetime law;
  double sigma;
  std::span<const double> incidence_predictor, latency_predictor;
  std::optional<std::span<const double>> tenure = {};  ///< finite, >= 0; absent: 0
};

/// The chance ever to leave, given the tenure reached: logistic(a + log S(tenure)).
std::vector<double> cure_leaving(const CureCustomers& customers, const Execution& execution = {});

/// P(T > tenure + t | T > tenure), rows x times; t >= 0.
std::vector<double> cure_survival(const CureCustomers& customers, std::span<const double> t,
                                  const Execution& execution = {});

/// The time from the tenure on by which a share p has left, rows x shares; infinite where no such
/// share ever leaves. p in (0, 1).
std::vector<double> cure_quantile(const CureCustomers& customers, std::span<const double> p,
                                  const Execution& execution = {});

}  // namespace tenure::survival
