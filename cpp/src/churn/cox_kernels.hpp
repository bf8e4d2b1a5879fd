#pragma once
#include <cstdint>

/// The loops that a regression lives on. Rows are `stride` doubles, a multiple of 8; what is padded
/// is 0. Each sum runs in the order of the rows.
namespace tenure::churn::detail {

/// out[i] = x_i' b + out[i].
void add_products(const double* x, std::int64_t rows, std::int64_t stride, const double* b,
                  double* out);

/// sum += sum_i c_i x_i.
void add_rows(const double* x, const double* c, std::int64_t rows, std::int64_t stride,
              double* sum);

/// The same with each sum carried in twice the precision of a double, as high + low.
void add_rows_precisely(const double* x, const double* c, std::int64_t rows, std::int64_t stride,
                        double* high, double* low);

/// Rows by slot: who joins, and who leaves.
struct SlotRun {
  const double* x;
  const double* risk;
  std::int64_t stride;
  const std::int64_t* row_begin;
  const std::int64_t* leave_begin;
  const std::int64_t* leaver;
};

/// Slot after slot of one stratum, risk_i x_i of those who join is added to the sum high (+ low, if
/// not null: then in twice the precision of a double), and of those who leave subtracted; where the
/// slot's root is > 0, root times the sum is the next row of `out`. Returns the rows written.
std::int64_t running_sums(const SlotRun& run, std::int64_t first, std::int64_t last,
                          const double* root, double* high, double* low, double* out);

/// out[j] = (x[j] - mean[j]) * unit[j].
void standardise(const double* x, const double* mean, const double* unit, std::int64_t columns,
                 double* out);

/// out_i = c_i x_i.
void scale_rows(const double* x, const double* c, std::int64_t rows, std::int64_t stride,
                double* out);

/// out += sum_i v_i v_i', the entries on and below the diagonal; what else it writes above is part
/// of the same sum. `out` is stride x stride.
void add_outer(const double* v, std::int64_t rows, std::int64_t stride, double* out);

/// out[i] = weight[i] exp(eta[i] - shift); 0 where that is below exp(-708).
void risks(const double* eta, const double* weight, std::int64_t rows, double shift, double* out);

/// out[i, j] = exp(-hazard[j] * risk[i]): survival of many at the same times.
void survival_rows(const double* hazard, std::int64_t times, const double* risk, std::int64_t rows,
                   double* out);

}  // namespace tenure::churn::detail
