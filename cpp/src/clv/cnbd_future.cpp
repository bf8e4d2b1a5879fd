#include "cnbd_future.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cnbd_phases.hpp"
#include "cnbd_series.hpp"
#include "negative_binomial.hpp"
#include "root.hpp"
#include "tenure/special/gamma.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Relative precision of a time that is searched for.
constexpr double kTimePrecision = 1e-13;

}  // namespace

CnbdFuture::CnbdFuture(const CnbdPoint& p, double x, double t_x, double age)
    : outlived_(outlived(p.model, p.parameters)),
      k_(p.model.shape),
      x_(x),
      age_(age),
      m_(outlived_.r + k_ * x),
      start_(outlived_.alpha + age) {
  const Phases phases(k_, m_);
  const double y = (age - t_x) / start_;
  double term = 1.0, sum = 0.0;
  for (int j = 0; j < k_; ++j) {
    const auto at = static_cast<std::size_t>(j);
    if (j > 0) term *= y * phases.step[at];
    sum += share_[at] = term;
  }
  for (double& share : share_) share /= sum;
}

double CnbdFuture::outlives(double n) const {
  const double b = outlived_.b + x_;
  return std::exp(special::log_gamma_ratio(b, n) - special::log_gamma_ratio(outlived_.a + b, n));
}

double CnbdFuture::at_least(double n, double time) const {
  const double w = time / start_;
  double sum = 0.0;
  for (int j = 0; j < k_; ++j) {
    const double tick = k_ * n - j, m = m_ + j;
    sum += share_[static_cast<std::size_t>(j)] *
           negative_binomial::tail(m, w, tick, std::exp(negative_binomial::log_pmf(m, w, tick)));
  }
  return sum;
}

double CnbdFuture::exactly(double n, double time) const {
  const double w = time / start_, z = w / (1.0 + w);
  double sum = 0.0;
  for (int j = 0; j < k_; ++j) {
    const double m = m_ + j, last = k_ * (n + 1.0) - j;
    double tick = std::max(0.0, k_ * n - j), inner = 0.0;
    for (double chance = std::exp(negative_binomial::log_pmf(m, w, tick)); tick < last;
         tick += 1.0) {
      inner += chance;
      chance *= z * (m + tick) / (tick + 1.0);
    }
    sum += share_[static_cast<std::size_t>(j)] * inner;
  }
  return sum;
}

double CnbdFuture::alive(double time) const {
  double sum = 0.0;
  for (int j = 0; j < k_; ++j)
    if (const double share = share_[static_cast<std::size_t>(j)]; share > 0.0)
      sum += share * std::exp(cnbd_log_alive(outlived_, k_, j, x_, age_, time));
  return sum;
}

double CnbdFuture::pmf(double n, double time) const {
  if (n == 0.0) return exactly(n, time);
  const double leaves =
      outlives(n - 1.0) * outlived_.a / (outlived_.a + outlived_.b + x_ + n - 1.0);
  return outlives(n) * exactly(n, time) + leaves * at_least(n, time);
}

double CnbdFuture::tail(double n, double time) const {
  return outlives(n - 1.0) * at_least(n, time);
}

double CnbdFuture::mean_if_staying(double time) const { return (m_ + k_) * time / start_; }

double CnbdFuture::waits(double share) const {
  if (share == 0.0) return 0.0;
  const auto off = [&](double log_time) {
    const double time = std::exp(log_time), w = time / start_;
    double chance = 0.0, slope = 0.0;
    for (int j = 0; j < k_; ++j) {
      const double of = share_[static_cast<std::size_t>(j)], m = m_ + j, tick = k_ - j;
      const double pmf = std::exp(negative_binomial::log_pmf(m, w, tick));
      chance += of * negative_binomial::tail(m, w, tick, pmf);
      slope += of * tick * pmf;  // the tick comes at t with density (tick / t) P(J(t) = tick)
    }
    return std::pair(chance - share, slope);
  };
  // The next tick comes before the next purchase.
  double low = std::log(start_) + std::log(std::expm1(-std::log1p(-share) / (m_ + k_))) - 1.0;
  while (off(low).first >= 0.0) low -= 10.0;
  double high = low;
  do high += 1.0;
  while (high < 700.0 && off(high).first < 0.0);
  if (high >= 700.0) return kInfinity;
  return std::exp(increasing_root(high - 1.0, high, kTimePrecision, off));
}

CnbdFuture::Walk::Walk(const CnbdFuture& future, double time)
    : k_(future.k_), a_(future.outlived_.a), b_(future.outlived_.b + future.x_) {
  const double w = time / future.start_;
  z_ = w / (1.0 + w);
  for (int j = 0; j < k_; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const double m = future.m_ + j;
    phase_[at] = {future.share_[at], m, std::exp(-m * std::log1p(w)), 0.0, 0.0};
  }
}

double CnbdFuture::Walk::next() {
  if (n_ > 0.0) outlived_ *= (b_ + n_ - 1.0) / (a_ + b_ + n_ - 1.0);
  n_ += 1.0;
  double sum = 0.0;
  for (int j = 0; j < k_; ++j) {
    Phase& p = phase_[static_cast<std::size_t>(j)];
    for (const double last = k_ * n_ - j; p.tick < last; p.tick += 1.0) {
      p.below += p.pmf;
      p.pmf *= z_ * (p.m + p.tick) / (p.tick + 1.0);
    }
    sum += p.share * std::max(0.0, 1.0 - p.below);
  }
  return outlived_ * sum;
}

double lapse_after(const CnbdPoint& p, double x, double t_x, double age, double log_odds) {
  if (x == 0.0 && p.model.who == OneTimeBuyers::stay) return kInfinity;
  const BgNbdParameters of = outlived(p.model, p.parameters);
  const int k = p.model.shape;
  const Phases phases(k, of.r + k * x);
  const double start = of.alpha + t_x, odds = std::log((of.b + (x - 1.0)) / of.a);
  // Silent for t: fewer than k ticks since t_x. The k-th comes at t with density (k / t) P(k
  // ticks).
  const auto off = [&](double log_silence) {
    const double t = std::exp(log_silence), y = t / (start + t);
    double term = 1.0, sum = 1.0;
    for (int j = 1; j < k; ++j) sum += term *= y * phases.step[static_cast<std::size_t>(j)];
    const double value = std::log(sum) - phases.m * std::log1p(t / start) + odds;
    const double next = term * y * (phases.m + (k - 1.0)) / k;
    return std::pair(log_odds - value, k * next / sum);
  };
  if (odds <= log_odds) return 0.0;
  double low = std::log(start) - std::log(phases.m);
  while (off(low).first >= 0.0) low -= 10.0;
  double high = low;
  do high += 1.0;
  while (high < 700.0 && off(high).first < 0.0);
  if (high >= 700.0) return kInfinity;
  return std::max(0.0,
                  std::exp(increasing_root(high - 1.0, high, kTimePrecision, off)) - (age - t_x));
}

}  // namespace tenure::clv
