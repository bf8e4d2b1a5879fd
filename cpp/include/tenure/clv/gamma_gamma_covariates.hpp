#pragma once
#include <cstdint>
#include <span>

#include "tenure/clv/elastic.hpp"
#include "tenure/clv/gamma_gamma.hpp"

/// The gamma-gamma model of spend with covariates of its scale: nu of customer i is gamma(q, rate
/// gamma_i),
///
///     log gamma_i = log gamma + c'z_i
///
/// so that one more of a column multiplies the mean of the customer's amounts, p gamma_i / (q - 1),
/// by e^c, and leaves the shape of their distribution. How often the customer bought may be one of
/// the columns. Formulas: docs/methods/gamma_gamma.md.
namespace tenure::clv {

/// Columns of customers, by rows; finite where a row counts. A view.
struct SpendDesign {
  std::span<const double> values;  ///< rows x columns
  std::int64_t columns = 0;        ///< >= 1: one coefficient each
};

/// Sum of weight * log L over the rows with x > 0 and m > 0, with gradient and Hessian in (log p,
/// log q, log gamma) and the coefficients. O(n k^2), a logarithm and an exponential a row. Same
/// bits for any thread count. Throws InvalidInput for the lowest bad row.
optim::Evaluation gamma_gamma_covariate_log_likelihood(const GammaGammaParameters& at,
                                                       std::span<const double> coefficients,
                                                       const ObservedSpend& spend,
                                                       const SpendDesign& design,
                                                       const Execution& execution);

/// Maximum likelihood from `start`, the optimum without covariates; columns should be about centred
/// and of spread 1. `Fit::parameters` holds p, q, gamma and the coefficients; the penalty of the
/// three is that of `fit_gamma_gamma`.
GammaGammaFit fit_gamma_gamma_with_covariates(const GammaGammaParameters& start,
                                              const ObservedSpend& spend, const SpendDesign& design,
                                              const ElasticOptions& options,
                                              const Execution& execution);

/// `gamma_gamma_expected_spend` of customers, each at an own gamma.
Buffer<double> gamma_gamma_covariate_expected_spend(const GammaGammaParameters& at,
                                                    std::span<const double> coefficients,
                                                    const ObservedSpend& spend,
                                                    const SpendDesign& design,
                                                    const Execution& execution);

}  // namespace tenure::clv
