#pragma once
#include <vector>

#include "gompertz_lifetime.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"

namespace tenure::clv {

inline GompertzLifetime lifetime(const GGompertzNbdParameters& p) {
  return {p.b, p.s, p.beta / p.b};
}

/// The future of a customer who is alive after `x` repeat purchases at age `age`: that of a new
/// customer whose purchase rate is gamma(r + x, alpha + T) and whose lifetime is again one of that
/// form, with its spread at T as the ratio.
class GGompertzNbdFuture {
 public:
  GGompertzNbdFuture(const GGompertzNbdParameters& p, double x, double age)
      : r_(p.r + x), alpha_(p.alpha + age), life_(lifetime(p).after(age)) {}

  double alive(double time) const;            ///< P(still alive after that time)
  double pmf(double n, double time) const;    ///< P(n purchases within)
  double tail(double n, double time) const;   ///< P(at least n purchases within), n >= 1
  double waits(double share) const;           ///< time of which P(first purchase by then) = share
  double mean_if_staying(double time) const;  ///< purchases of one who does not leave

  /// P(at least n purchases within a time) for n = 1, 2, ..., each from the one before. Holds the
  /// purchases until each node of a quadrature over the time of leaving.
  class Walk {
   public:
    Walk(const GGompertzNbdFuture& future, double time);
    double next();

   private:
    struct Node {
      double weight, z, pmf, below;
    };
    double r_, n_ = 0.0;
    std::vector<Node> nodes_;
  };

 private:
  template <class Longest, class Node>
  void integrate(double from, double to, const Longest& longest, const Node& node) const;
  template <class Node>
  void over_time(double n, double time, const Node& node) const;
  double panel(double from, double left, double longest) const;
  double leaves_at(double time) const;  ///< density of the time of leaving
  double r_, alpha_;
  GompertzLifetime life_;
};

/// Time from T on after which, without another purchase, log(P(alive) / (1 - P(alive))) has fallen
/// to `log_odds`; 0 if it is there already.
double lapse_after(const GGompertzNbdParameters& p, double x, double t_x, double age,
                   double log_odds);

}  // namespace tenure::clv
