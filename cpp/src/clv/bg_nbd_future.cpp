#include "bg_nbd_future.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "negative_binomial.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/special/hypergeometric.hpp"

namespace tenure::clv {

double BgNbdFuture::outlives(double n) const {
  return std::exp(special::log_gamma_ratio(b_, n) - special::log_gamma_ratio(a_ + b_, n));
}

double BgNbdFuture::alive(double time) const {
  const double w = time / alpha_;
  // Sum over n of P(n purchases) P(outliving n).
  return std::exp(special::log_hyp2f1(r_, b_, a_ + b_, w / (1.0 + w)) - r_ * std::log1p(w));
}

double BgNbdFuture::pmf(double n, double time) const {
  const double w = time / alpha_;
  const double exactly = std::exp(negative_binomial::log_pmf(r_, w, n));
  if (n == 0.0) return exactly;
  const double leaves = outlives(n - 1.0) * a_ / (a_ + b_ + n - 1.0);
  return outlives(n) * exactly + leaves * negative_binomial::tail(r_, w, n, exactly);
}

double BgNbdFuture::tail(double n, double time) const {
  const double w = time / alpha_;
  const double exactly = std::exp(negative_binomial::log_pmf(r_, w, n));
  return outlives(n - 1.0) * negative_binomial::tail(r_, w, n, exactly);
}

double BgNbdFuture::waits(double share) const {
  return alpha_ * std::expm1(-std::log1p(-share) / r_);
}

double BgNbdFuture::mean_if_staying(double time) const { return r_ * time / alpha_; }

BgNbdFuture::Walk::Walk(const BgNbdFuture& future, double time)
    : r_(future.r_), a_(future.a_), b_(future.b_) {
  const double w = time / future.alpha_;
  z_ = w / (1.0 + w);
  pmf_ = std::exp(-r_ * std::log1p(w));
}

double BgNbdFuture::Walk::next() {
  if (n_ > 0.0) outlived_ *= (b_ + n_ - 1.0) / (a_ + b_ + n_ - 1.0);
  below_ += pmf_;
  pmf_ *= z_ * (r_ + n_) / (n_ + 1.0);
  n_ += 1.0;
  return outlived_ * std::max(0.0, 1.0 - below_);
}

double lapse_after(const BgNbdParameters& p, bool may_leave, double x, double t_x, double age,
                   double log_odds) {
  if (x == 0.0 && !may_leave) return std::numeric_limits<double>::infinity();
  const double log_ratio = (std::log((p.b + (x - 1.0)) / p.a) - log_odds) / (p.r + x);
  // (alpha + t)/(alpha + t_x) has grown to that ratio.
  return std::max(0.0, (p.alpha + t_x) * std::expm1(log_ratio) - (age - t_x));
}

}  // namespace tenure::clv
