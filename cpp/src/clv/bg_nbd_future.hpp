#pragma once
#include "tenure/clv/bg_nbd.hpp"

namespace tenure::clv {

/// The future of a customer who is alive after `x` chances to leave at age `age`: that of a new
/// customer whose purchase rate is gamma(r + x, alpha + T) and who leaves with a probability that
/// is beta(a, b + x). When purchases fall and after how many of them one leaves are independent.
class BgNbdFuture {
 public:
  BgNbdFuture(const BgNbdParameters& outlived, double x, double age)
      : r_(outlived.r + x), alpha_(outlived.alpha + age), a_(outlived.a), b_(outlived.b + x) {}

  double alive(double time) const;            ///< P(still alive after that time)
  double pmf(double n, double time) const;    ///< P(n purchases within)
  double tail(double n, double time) const;   ///< P(at least n purchases within), n >= 1
  double waits(double share) const;           ///< time of which P(first purchase by then) = share
  double mean_if_staying(double time) const;  ///< purchases of one who does not leave

  /// P(at least n purchases within a time) for n = 1, 2, ..., each from the one before.
  class Walk {
   public:
    Walk(const BgNbdFuture& future, double time);
    double next();

   private:
    double r_, a_, b_, z_, pmf_, below_ = 0.0, outlived_ = 1.0, n_ = 0.0;
  };

 private:
  double outlives(double n) const;  ///< P(not leaving at the first n purchases)
  double r_, alpha_, a_, b_;
};

/// Time from T on after which, without another purchase, log(P(alive) / (1 - P(alive))) has fallen
/// to `log_odds`; 0 if it is there already, infinite if that never comes.
double lapse_after(const BgNbdParameters& outlived, bool may_leave, double x, double t_x,
                   double age, double log_odds);

}  // namespace tenure::clv
