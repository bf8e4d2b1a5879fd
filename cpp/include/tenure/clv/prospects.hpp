#pragma once
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/buffer.hpp"

namespace tenure::clv {

/// What a lifetime value needs to know of each customer.
struct Prospects {
  Buffer<double> alive;       ///< P(alive | x, t_x, T)
  Buffer<double> expected;    ///< purchases expected in (T, T + horizon]
  Buffer<double> discounted;  ///< the same, each discounted by exp(-rate * time after T)

  explicit Prospects(std::int64_t rows) : alive(rows), expected(rows), discounted(rows) {}
};

/// The values of <model>_probability_alive and <model>_expected_purchases, with a rate of 0 and
/// with `discount_rate`, in one pass over the customers. Throws as those do: what is not discounted
/// must have an end too.
Prospects bg_nbd_prospects(const BgNbdParameters& parameters, const RepeatPurchases& purchases,
                           double horizon, double discount_rate, const Execution& execution);
Prospects mbg_nbd_prospects(const MbgNbdParameters& parameters, const RepeatPurchases& purchases,
                            double horizon, double discount_rate, const Execution& execution);
Prospects pareto_nbd_prospects(const ParetoNbdParameters& parameters,
                               const RepeatPurchases& purchases, double horizon,
                               double discount_rate, const Execution& execution);

}  // namespace tenure::clv
