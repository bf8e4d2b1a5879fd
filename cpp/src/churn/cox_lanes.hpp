#pragma once
#include <array>
#include <cstdint>
#include <vector>

/// The loops of a regression at eight points at once. What belongs to a row or a slot at the eight
/// points lies side by side, a *lane* each, so that one load of a covariate serves all eight. Rows
/// of x are `stride` doubles, a multiple of 8. Each sum runs in the order of the rows.
namespace tenure::churn::detail {

inline constexpr std::int64_t kLanes = 8;

/// Log-likelihoods and scores of eight points.
struct LaneValues {
  std::array<double, kLanes> log_likelihood{};
  std::vector<double> score;  ///< p x 8
};

/// out[i] += sum_j x[i, j] b[j].
void lane_products(const double* x, std::int64_t rows, std::int64_t stride, const double* b,
                   double* out);

/// sum[j] += sum_i x[i, j] c[i].
void lane_rows(const double* x, const double* c, std::int64_t rows, std::int64_t stride,
               double* sum);

/// largest = max(largest, eta[i]).
void lane_largest(const double* eta, std::int64_t rows, double* largest);

/// eta[i] becomes weight[i] exp(eta[i] - shift); value += sum of weight (eta - shift) of who
/// churned.
void lane_risks(double* eta, const double* weight, const std::uint8_t* churned, std::int64_t rows,
                const double* shift, double* value);

/// sum += sum_i risk[i].
void lane_sum(const double* risk, std::int64_t rows, double* sum);

/// The same in twice the precision of a double, as high + low; `sign` 1 or -1.
void lane_sum_precisely(const double* risk, double sign, double* high, double* low);

/// Slots: of slot g, S = sum[g] at risk and T = own[g] who churn, `deaths` rows of `weight` in all.
struct LaneSlots {
  const double* weight;
  const std::int64_t* deaths;
  double* sum;
  double* own;  ///< null: Breslow, f_k = 0
};

/// Of each slot that has deaths, W/d sum_k 1 / (S - f_k T) replaces `sum` and the same with f_k
/// `own`; value -= W/d sum_k log(S - f_k T).
void lane_slots(const LaneSlots& of, std::int64_t first, std::int64_t last, double* value);

/// total += hazard; hazard = total.
void lane_cumulate(double* total, double* hazard);

/// What makes a martingale residual of row i.
struct LaneResiduals {
  const double* risk;
  const double* weight;
  const std::uint8_t* churned;
  const std::int64_t* first;
  const std::int64_t* last;
  const double* cumulative;  ///< by slot
  const double* own;         ///< by slot; null: 0
};

/// out[i - begin] = weight churned - risk (cumulative[first] - cumulative[last] - churned own).
void lane_residuals(const LaneResiduals& of, std::int64_t begin, std::int64_t end, double* out);

}  // namespace tenure::churn::detail
