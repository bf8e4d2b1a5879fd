#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "tenure/clv/derivatives.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/prepared.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// The gamma-gamma model of spend [Fader & Hardie 2013, note 025]: the amounts of a customer's
/// orders are gamma(p, rate nu) around an own mean p / nu, with nu ~ gamma(q, rate gamma),
/// independent of how often the customer buys. Formulas: docs/methods/gamma_gamma.md.
namespace tenure::clv {

/// Observed spend, one row a customer: x orders of mean amount m. Rows with x = 0 or m <= 0 tell
/// the model nothing. Views: nothing is copied.
struct ObservedSpend {
  std::span<const double> frequency;  ///< x: whole numbers >= 0
  std::span<const double> mean;  ///< m: mean amount of these orders; anything, NaN too, where x = 0
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0; absent: 1 for every row

  std::int64_t rows() const { return std::ssize(frequency); }
};

/// Throws InvalidInput for the lowest bad row (x no whole number, m not finite where x > 0, bad
/// weight) and for spans of unequal length.
void require_valid(const ObservedSpend& spend, const Execution& execution);

struct GammaGammaParameters {
  double p, q, gamma;  ///< all finite and > 0; gamma in the unit of money
};

/// Throws InvalidInput naming the parameter.
void require_valid(const GammaGammaParameters& parameters);

struct GammaGammaFit : Fit {
  std::int64_t excluded = 0;  ///< rows with x = 0 or m <= 0
};

/// Sum of weight * log L(p, q, gamma | x, m) [eq. 1a] over the rows with x > 0 and m > 0, with
/// gradient and Hessian in (log p, log q, log gamma). O(n), one log a row. Same bits for any thread
/// count.
Derivatives<3> gamma_gamma_log_likelihood(const GammaGammaParameters& parameters,
                                          const ObservedSpend& spend, const Execution& execution);

/// Maximum likelihood; parameters p, q, gamma. The penalty acts on p, q and on gamma in the unit in
/// which the mean of m is 10. Throws InvalidInput if no row has x > 0 and m > 0.
GammaGammaFit fit_gamma_gamma(const ObservedSpend& spend, const FitOptions& options,
                              const Execution& execution);

/// The log-likelihood of this spend in (log p, log q, log gamma), for repeated evaluation. Throws
/// InvalidInput as the fit does.
PreparedLikelihood prepare_gamma_gamma(const ObservedSpend& spend, const Execution& execution);

/// Posterior mean of a customer's average amount, p (gamma + m x)/(p x + q - 1) [eq. 5]; the
/// population's, p gamma/(q - 1), where x = 0 or m <= 0; +inf where p x + q <= 1, as no mean
/// exists.
Buffer<double> gamma_gamma_expected_spend(const GammaGammaParameters& parameters,
                                          const ObservedSpend& spend, const Execution& execution);

}  // namespace tenure::clv
