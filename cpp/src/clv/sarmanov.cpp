#include "sarmanov.hpp"

#include <cmath>
#include <utility>

#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace sarmanov {
namespace {

/// log h, h = 1/E - 1 with E = (1 + 1/r)^-r the mean of the kernel, and its derivatives in log r.
struct Spread {
  double value, first, second;
};
Spread spread(double r) {
  const double log_stretch = std::log1p(1.0 / r);
  const double h = std::expm1(r * log_stretch);
  const double slope = r * (log_stretch - 1.0 / (r + 1.0));
  const double bend = slope - r / (r + 1.0) / (r + 1.0);
  const double share = (h + 1.0) / h;
  const double first = share * slope;
  return {std::log(h), first, share * (slope * slope + bend) - first * first};
}

/// sign * exp(-q) with derivatives in (log r, log s), of q that is a sum of a in r and b in s.
struct Limit {
  double value, r, s, rr, rs, ss;
};
Limit limit(double sign, const Spread& a, const Spread& b) {
  const double f = sign * std::exp(-(a.value + b.value));
  return {f,
          -f * a.first,
          -f * b.first,
          f * (a.first * a.first - a.second),
          f * a.first * b.first,
          f * (b.first * b.first - b.second)};
}

}  // namespace

Weight weight(double r, double s, double odds) {
  constexpr Spread kNone{0.0, 0.0, 0.0};
  const Spread a = spread(r), b = spread(s);
  // m >= -1 / max(E1 E2, (1 - E1)(1 - E2)), and m <= 1 / max(E1 (1 - E2), (1 - E1) E2).
  const Limit low =
      a.value + b.value > 0.0 ? limit(-1.0, a, b) : Limit{-1.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  const Limit high = a.value > b.value ? limit(1.0, a, kNone) : limit(1.0, kNone, b);

  const double up = odds / (1.0 + odds), down = 1.0 / (1.0 + odds);
  const double step = up * down, bend = step * (down - up);
  Weight w;
  w.lowest = low.value;
  w.highest = high.value;
  w.value = down * low.value + up * high.value;
  w.first = {down * low.r + up * high.r, down * low.s + up * high.s,
             step * (high.value - low.value)};
  w.second = {down * low.rr + up * high.rr, down * low.rs + up * high.rs,
              down * low.ss + up * high.ss, step * (high.r - low.r),
              step * (high.s - low.s),      bend * (high.value - low.value)};
  return w;
}

ParetoNbdParameters part(const CorrelatedParetoNbdParameters& p, int k) {
  return {p.r, stretches_alpha(k) ? p.alpha + p.alpha / p.r : p.alpha, p.s,
          stretches_beta(k) ? p.beta + p.beta / p.s : p.beta};
}

}  // namespace sarmanov

void require_valid(const CorrelatedParetoNbdParameters& p) {
  require_valid(ParetoNbdParameters{p.r, p.alpha, p.s, p.beta});
  if (!(std::isnormal(p.odds) && p.odds > 0.0))
    throw InvalidInput("odds", -1, p.odds, "finite and > 0");
  require_valid(sarmanov::part(p, 3));
}

RateCorrelation rate_correlation(const CorrelatedParetoNbdParameters& p) {
  require_valid(p);
  const sarmanov::Weight w = sarmanov::weight(p.r, p.s, p.odds);
  // m = w / (E1 E2); the correlation is w sqrt(r s) / ((r + 1) (s + 1)).
  const double means = std::exp(p.r * std::log1p(1.0 / p.r) + p.s * std::log1p(1.0 / p.s));
  const double spreads = std::sqrt(p.r) / (p.r + 1.0) * (std::sqrt(p.s) / (p.s + 1.0));
  return {w.value * means,   w.lowest * means,   w.highest * means,
          w.value * spreads, w.lowest * spreads, w.highest * spreads};
}

}  // namespace tenure::clv
