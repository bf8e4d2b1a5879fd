#pragma once
#include <array>
#include <cstdint>

#include "pareto_nbd_future.hpp"
#include "sarmanov.hpp"

namespace tenure::clv {

/// Of one customer and each part of the mixture, the logarithms of the likelihood of having stayed
/// until T, and of having left before, relative to one density for all parts.
struct PartHistories {
  std::array<double, sarmanov::kParts> stayed, left;
};

/// Of rows [0, n), n at most kParetoNbdChunk.
void weigh_parts(const CorrelatedParetoNbdParameters& p, const double* x, const double* t_x,
                 const double* age, int n, PartHistories* of);

/// The future of a customer who is alive after `x` repeat purchases at age `age`: a mixture of four
/// of the Pareto/NBD model. When the last purchase was no longer matters then.
class CorrelatedParetoNbdFuture {
 public:
  CorrelatedParetoNbdFuture(const CorrelatedParetoNbdParameters& p, double x, double age);

  double alive(double time) const;            ///< P(still alive after that time)
  double pmf(double n, double time) const;    ///< P(n purchases within)
  double tail(double n, double time) const;   ///< P(at least n purchases within), n >= 1
  double waits(double share) const;           ///< time of which P(first purchase by then) = share
  double mean_if_staying(double time) const;  ///< purchases of one who does not leave

  /// P(at least n purchases within a time) for n = 1, 2, ..., each from the one before.
  class Walk {
   public:
    Walk(const CorrelatedParetoNbdFuture& future, double time);
    double next();

   private:
    std::array<double, sarmanov::kParts> weight_;
    std::array<ParetoNbdFuture::Walk, sarmanov::kParts> parts_;
  };

 private:
  template <class OfPart>
  double mixed(const OfPart& of_part) const;

  std::array<ParetoNbdFuture, sarmanov::kParts> parts_;
  std::array<double, sarmanov::kParts> weight_;  ///< signed, of sum 1
};

/// Time from T on after which, without another purchase, log(P(alive) / (1 - P(alive))) has fallen
/// to `log_odds`; 0 if it is there already.
double lapse_after(const CorrelatedParetoNbdParameters& p, double x, double t_x, double age,
                   double log_odds);

}  // namespace tenure::clv
