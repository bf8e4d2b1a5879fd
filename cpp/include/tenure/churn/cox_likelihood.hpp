#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/churn/cox_data.hpp"

namespace tenure::churn {

/// What the partial likelihood makes of customers who churn at the same time.
enum class Ties : std::uint8_t {
  breslow,  ///< all d of them are at risk for each [Breslow 1974]
  efron,    ///< the k-th meets a risk set without k/d of each [Efron 1977]
};

/// What a slot adds. With f_k = k/d, k = 0..d-1 (Efron) or d times f = 0 (Breslow), S and T the
/// sums of w exp(eta) over those at risk and over those who churn, W the weight that churns,
/// D_k = S - f_k T:
struct SlotTerms {
  std::vector<double> hazard;       ///< a = W/d sum_k 1 / D_k, the baseline hazard at the slot
  std::vector<double> own;          ///< W/d sum_k f_k / D_k: so much less for who churns at it
  std::vector<double> square;       ///< c0 = W/d sum_k 1 / D_k^2
  std::vector<double> square_own;   ///< c1 = W/d sum_k f_k / D_k^2
  std::vector<double> square_own2;  ///< c2 = W/d sum_k f_k^2 / D_k^2
  std::vector<double> cumulative;   ///< sum of `hazard` of the slots of the stratum up to its time
};

/// The regression at one point, in columns centred and scaled as in CoxData.
struct CoxPoint {
  double log_likelihood = 0.0;
  std::vector<double> score;        ///< p
  std::vector<double> information;  ///< p x p
};

/// The partial likelihood of one sample: arrays that later calls write again.
///
/// With risk_i = w_i exp(eta_i), Lambda_i the hazard of the slots at which row i is at risk (less
/// `own` where it churned), x_g the mean of x at slot g, the sums over slots and rows exchange:
///
///     score       = sum_i x_i (w_i churned_i - risk_i Lambda_i)
///     information = sum_i x_i x_i' risk_i Lambda_i - sum_g sum_k W/d x_gk x_gk'
///
/// so that the second moments of risk sets are never formed. A tied slot's sum over k is two outer
/// products, whatever d is. O(n p^2 + slots p^2) for the information, O(n p) without it; bound by
/// arithmetic from about 20 columns. Blocks of rows and of slots are fixed by the sample: the same
/// bits for every thread count.
class CoxLikelihood {
 public:
  CoxLikelihood(const CoxData& data, Ties ties);

  /// Log-likelihood alone, and the state (risks, slots) that all else follows from. It may come out
  /// as -inf or NaN far from the optimum.
  double move(std::span<const double> beta, const Execution& execution);

  /// Score and information where `move` went.
  CoxPoint point(const Execution& execution) const;
  std::vector<double> score(const Execution& execution) const;

  /// Sum of the slots' information, each times its `multiplier` >= 0. p x p.
  std::vector<double> information(std::span<const double> multiplier,
                                  const Execution& execution) const;

  /// w_i churned_i - risk_i Lambda_i.
  std::vector<double> martingale() const;

  const CoxData& data() const { return data_; }
  const double* columns() const { return data_.x.data(); }
  std::int64_t stride() const { return data_.stride; }
  Ties ties() const { return ties_; }
  const SlotTerms& slots() const { return slots_; }
  std::span<const double> eta() const { return eta_; }      ///< of the rows, offset included
  std::span<const double> risk() const { return risk_; }    ///< w exp(eta - shift)
  std::span<const double> shift() const { return shift_; }  ///< by stratum: its largest eta
  std::span<const double> at_risk() const { return sum_; }  ///< sum of `risk` at risk, by slot
  std::span<const double> at_risk_own() const { return sum_own_; }  ///< of those who churn at it
  /// First slot of each block of parallel work, and the end.
  std::span<const std::int64_t> blocks() const { return slot_block_; }

 private:
  void sum_risks(const Execution& execution);
  double slot_terms(std::int64_t first, std::int64_t last);
  std::vector<double> cumulate(std::span<const double> hazard) const;
  std::vector<double> curvature(std::span<const double> multiplier, std::vector<double>* score,
                                const Execution& execution) const;

  const CoxData& data_;
  Ties ties_;
  std::vector<double> eta_, risk_, shift_;
  std::vector<double> sum_, sum_own_;  ///< S and T by slot
  SlotTerms slots_;
  std::vector<std::int64_t> slot_block_;  ///< first slot of each block, and the end
};

}  // namespace tenure::churn
