#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cox_lanes.hpp"
#include "tenure/churn/cox_likelihood.hpp"
#include "tenure/support/buffer.hpp"

namespace tenure::churn::detail {

/// The partial likelihood of CoxLikelihood at eight points for little more than the price of one:
/// the columns are read twice from memory whether for one point or for eight. Holds 64 bytes a row
/// and a slot (Efron: 128 a slot). Same bits for every thread count.
class CoxPoints {
 public:
  CoxPoints(const CoxData& data, Ties ties);

  /// `beta` is p x 8. A log-likelihood may come out as -inf or NaN far from the optimum.
  LaneValues evaluate(std::span<const double> beta, const Execution& execution);

 private:
  void find_shifts();
  void sum_risks(const Execution& execution);
  void cumulate();
  std::vector<double> score(const Execution& execution) const;

  const CoxData& data_;
  bool tied_;            ///< slots know those who churn at them apart
  Buffer<double> risk_;  ///< rows x 8, first eta
  Buffer<double> slot_;  ///< slots x 8: first the sum at risk, then hazard, then cumulative hazard
  Buffer<double> own_;   ///< slots x 8, empty unless tied
  std::vector<double> shift_;  ///< strata x 8
};

}  // namespace tenure::churn::detail
