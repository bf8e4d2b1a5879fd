#pragma once
#include <array>

#include "tenure/clv/cnbd.hpp"

namespace tenure::clv {

/// The future of a customer who is alive, of whose running time between purchases j < k ticks have
/// passed with chances that the history tells. Given j the rate of ticks is gamma(r + k x + j,
/// alpha + T), and the n-th purchase to come is the (k n - j)-th tick; when purchases fall and
/// after how many of them one leaves are independent.
class CnbdFuture {
 public:
  CnbdFuture(const CnbdPoint& p, double x, double t_x, double age);

  double alive(double time) const;            ///< P(still alive after that time)
  double pmf(double n, double time) const;    ///< P(n purchases within)
  double tail(double n, double time) const;   ///< P(at least n purchases within), n >= 1
  double waits(double share) const;           ///< time of which P(first purchase by then) = share
  double mean_if_staying(double time) const;  ///< ticks within a time: more than purchases

  /// P(at least n purchases within a time) for n = 1, 2, ..., each from the one before.
  class Walk {
   public:
    Walk(const CnbdFuture& future, double time);
    double next();

   private:
    struct Phase {
      double share, m, pmf, below, tick;
    };
    std::array<Phase, kLargestShape> phase_{};
    int k_;
    double a_, b_, z_, outlived_ = 1.0, n_ = 0.0;
  };

 private:
  double outlives(double n) const;               ///< P(not leaving at the first n purchases)
  double at_least(double n, double time) const;  ///< P(n purchases) of one who does not leave
  double exactly(double n, double time) const;
  BgNbdParameters outlived_;
  int k_;
  double x_, age_, m_, start_;
  std::array<double, kLargestShape> share_{};
};

/// Time from T on after which, without another purchase, log(P(alive) / (1 - P(alive))) has fallen
/// to `log_odds`; 0 if it is there already, infinite if that never comes.
double lapse_after(const CnbdPoint& p, double x, double t_x, double age, double log_odds);

}  // namespace tenure::clv
