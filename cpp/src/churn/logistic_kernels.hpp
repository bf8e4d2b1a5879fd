#pragma once
#include <cstdint>

/// The loops over a tile of rows that a logistic regression adds to those of `cox_kernels.hpp`.
namespace tenure::churn::detail {

/// z = (x - centre) * inverse for `rows` rows, each written after `lead` ones and padded with zeros
/// up to `stride`.
void standardise(const double* x, std::int64_t rows, std::int64_t columns, const double* centre,
                 const double* inverse, std::int64_t lead, std::int64_t stride, double* z);

/// Of rows with sign s (1: event, -1: none) and weight w, all in logs until the end:
/// value = -w log(1 + exp(-s eta)), residual = w (y - mu), curvature = w mu (1 - mu).
void logistic_terms(const double* eta, const double* sign, const double* weight, std::int64_t rows,
                    double* value, double* residual, double* curvature);

/// The same in eight lanes a row: eta becomes the residual, value += sum of values. `work` has room
/// for as much as eta.
void lane_logistic(double* eta, const double* sign, const double* weight, std::int64_t rows,
                   double* work, double* value);

/// Least sign * linear of rows of weight > 0; infinity where there is none.
double least_margin(const double* linear, const double* sign, const double* weight,
                    std::int64_t rows);

/// z_i becomes sqrt(c_i) z_i.
void scale_by_root(double* z, const double* c, std::int64_t rows, std::int64_t stride);

/// out_i = z_i' m z_i, m symmetric, stride x stride.
void quadratic_forms(const double* z, std::int64_t rows, std::int64_t stride, const double* m,
                     double* out);

/// Weighted sums of d = x - shift and d^2, and the range, by column. Rows of weight 0 are left out.
struct ColumnMoments {
  double* sum;
  double* square;
  double* least;
  double* most;
};
void add_moments(const double* x, const double* weight, std::int64_t rows, std::int64_t columns,
                 const double* shift, const ColumnMoments& to);

}  // namespace tenure::churn::detail
