#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/clv/elastic.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/optim/result.hpp"
#include "tenure/support/execution.hpp"

/// Covariates that stay the same over time [Fader & Hardie 2007, note 019]: each coefficient
/// multiplies a column z of a design and moves the logarithm of one or more of the parameters of a
/// customer,
///
///     log p_q,i = log p_q + sum over coefficients c of sign_cq * coefficient_c * z_i,column(c).
///
/// Formulas: docs/methods/covariates.md.
namespace tenure::clv {

/// Which column each coefficient multiplies, and which parameters it moves. Views.
struct Effects {
  std::span<const double> design;        ///< rows x columns, by rows; finite
  std::int64_t columns = 0;              ///< >= 1
  std::span<const std::int64_t> column;  ///< by coefficient
  std::span<const double> sign;  ///< by coefficient, one a parameter: -1, 0 or 1; 0 for the first

  std::int64_t coefficients() const { return std::ssize(column); }
  std::int64_t rows() const { return columns > 0 ? std::ssize(design) / columns : 0; }
};

/// Throws InvalidInput for spans that do not fit together and that number of parameters, for a
/// value that is not finite (row and value are those of the lowest row) and for a column that is
/// not there.
void require_valid(const Effects& effects, std::int64_t parameters, std::int64_t rows,
                   const Execution& execution);

/// No model has more parameters.
inline constexpr std::size_t kMostParameters = 5;

/// The likelihood of one model row by row; see src/clv/covariate_rows.hpp.
struct RowKernel;
const RowKernel& bg_nbd_rows();
const RowKernel& ggompertz_nbd_rows();
const RowKernel& mbg_nbd_rows();
const RowKernel& nbd_rows();
const RowKernel& pareto_nbd_rows();

/// Sum of weight * log L, with gradient and Hessian in the logarithms of the parameters, then in
/// the coefficients. One pass: O(rows (1 + coefficients^2)) over rows that differ in x, t_x, T
/// or z. Same bits for any thread count.
optim::Evaluation covariate_log_likelihood(const RowKernel& model,
                                           std::span<const double> parameters,
                                           std::span<const double> coefficients,
                                           const RepeatPurchases& purchases, const Effects& effects,
                                           const Execution& execution);

/// Maximum likelihood from `start`, the parameters of the same model without covariates; columns
/// should be about centred and of spread 1. `Fit::parameters` holds the parameters, then the
/// coefficients; `Fit::log_covariance` is that of the logarithms of the parameters and of the
/// coefficients. The penalty l2 of the options acts on the parameters as without covariates,
/// `coefficient_l2` on the sum of the squared coefficients, `coefficient_l1` on that of their
/// absolute values.
Fit fit_with_covariates(const RowKernel& model, std::span<const double> start,
                        const RepeatPurchases& purchases, const Effects& effects,
                        const ElasticOptions& options, const Execution& execution);

}  // namespace tenure::clv
