#pragma once
#include <algorithm>
#include <cmath>

#include "negative_binomial.hpp"
#include "tenure/clv/nbd.hpp"

namespace tenure::clv {

/// The future of a customer after `x` repeat purchases at age `age`: that of a new customer whose
/// purchase rate is gamma(r + x, alpha + T).
class NbdFuture {
 public:
  NbdFuture(const NbdParameters& p, double x, double age) : r_(p.r + x), alpha_(p.alpha + age) {}

  double alive(double) const { return 1.0; }  ///< P(still alive after that time)
  /// P(n purchases within).
  double pmf(double n, double time) const {
    return std::exp(negative_binomial::log_pmf(r_, time / alpha_, n));
  }
  /// P(at least n purchases within), n >= 1.
  double tail(double n, double time) const {
    return negative_binomial::tail(r_, time / alpha_, n, pmf(n, time));
  }
  /// Time of which P(first purchase by then) = share.
  double waits(double share) const { return alpha_ * std::expm1(-std::log1p(-share) / r_); }
  double mean_if_staying(double time) const { return r_ * time / alpha_; }

  /// P(at least n purchases within a time) for n = 1, 2, ..., each from the one before.
  class Walk {
   public:
    Walk(const NbdFuture& future, double time) : r_(future.r_) {
      const double w = time / future.alpha_;
      z_ = w / (1.0 + w);
      pmf_ = std::exp(-r_ * std::log1p(w));
    }
    double next() {
      below_ += pmf_;
      pmf_ *= z_ * (r_ + n_) / (n_ + 1.0);
      n_ += 1.0;
      return std::max(0.0, 1.0 - below_);
    }

   private:
    double r_, z_, pmf_, below_ = 0.0, n_ = 0.0;
  };

 private:
  double r_, alpha_;
};

}  // namespace tenure::clv
