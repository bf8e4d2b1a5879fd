#pragma once
#include <cmath>
#include <limits>

#include "tenure/special/logs.hpp"
#include "tenure/survival/log_lifetime.hpp"

namespace tenure::survival {

/// What a row adds to the log-likelihood, with its derivatives by the linear predictor e, by s =
/// log sigma and by the shape q.
struct AftTerm {
  double value = 0.0;
  double e = 0.0, s = 0.0, q = 0.0;
  double ee = 0.0, es = 0.0, ss = 0.0, eq = 0.0, sq = 0.0, qq = 0.0;

  void add(const AftTerm& t, double factor) {
    value += factor * t.value;
    e += factor * t.e;
    s += factor * t.s;
    ee += factor * t.ee;
    es += factor * t.es;
    ss += factor * t.ss;
  }
};

/// m(w) with its derivatives m', m'' told by e and s: dw/de = -1/sigma, dw/ds = -w.
inline AftTerm by_predictor(double m, double slope, double curvature, double w, double sigma) {
  AftTerm t;
  t.value = m;
  t.e = -slope / sigma;
  t.s = -w * slope;
  t.ee = curvature / (sigma * sigma);
  t.es = (w * curvature + slope) / sigma;
  t.ss = w * (w * curvature + slope);
  return t;
}

inline AftTerm survival_term(const LogLaw& law, double w, double sigma) {
  const double hazard = std::exp(law.density - law.survival);
  return by_predictor(law.survival, -hazard, -hazard * (law.slope + hazard), w, sigma);
}

/// The times of a row as logarithms: -inf for 0, +inf for never.
struct AftRow {
  double lower, upper, entry;
  bool exact;
};

inline AftTerm term_at(Lifetime law, double shape, const AftRow& row, double eta, double sigma) {
  AftTerm out;
  if (row.exact) {
    const double w = (row.lower - eta) / sigma;
    const LogLaw at = log_law(law, shape, w);
    out = by_predictor(at.density, at.slope, at.curvature, w, sigma);
    out.value -= std::log(sigma) + row.lower;
    out.s -= 1.0;
  } else if (std::isinf(row.upper)) {
    if (std::isfinite(row.lower)) {
      const double w = (row.lower - eta) / sigma;
      out = survival_term(log_law(law, shape, w), w, sigma);
    }
  } else if (std::isinf(row.lower)) {
    const double w = (row.upper - eta) / sigma;
    const LogLaw at = log_law(law, shape, w);
    const double r = std::exp(at.density - at.failure);
    out = by_predictor(at.failure, r, r * (at.slope - r), w, sigma);
  } else {
    const double w = (row.lower - eta) / sigma, v = (row.upper - eta) / sigma;
    const LogLaw low = log_law(law, shape, w), high = log_law(law, shape, v);
    // On the side on which both tails are small.
    const double log_p = low.survival < low.failure
                             ? special::log_diff_exp(low.survival, high.survival)
                             : special::log_diff_exp(high.failure, low.failure);
    const double f = std::exp(low.density - log_p), g = std::exp(high.density - log_p);
    const double df = f * low.slope, dg = g * high.slope;
    out.value = log_p;
    out.e = (f - g) / sigma;
    out.s = w * f - v * g;
    out.ee = (dg - df) / (sigma * sigma) - out.e * out.e;
    out.es = (v * dg - w * df) / sigma - (f - g) / sigma - out.e * out.s;
    out.ss = v * g + v * v * dg - w * f - w * w * df - out.s * out.s;
  }
  if (std::isfinite(row.entry)) {
    const double w = (row.entry - eta) / sigma;
    out.add(survival_term(log_law(law, shape, w), w, sigma), -1.0);
  }
  return out;
}

/// The same with derivatives by the shape: differences of fourth order of value, e and s.
inline AftTerm term_with_shape(double shape, const AftRow& row, double eta, double sigma) {
  constexpr double h = 4e-3;
  constexpr Lifetime law = Lifetime::generalized_gamma;
  AftTerm t = term_at(law, shape, row, eta, sigma);
  const AftTerm a = term_at(law, shape - 2.0 * h, row, eta, sigma);
  const AftTerm b = term_at(law, shape - h, row, eta, sigma);
  const AftTerm c = term_at(law, shape + h, row, eta, sigma);
  const AftTerm d = term_at(law, shape + 2.0 * h, row, eta, sigma);
  const auto slope = [](double fa, double fb, double fc, double fd) {
    return (8.0 * (fc - fb) - (fd - fa)) / (12.0 * h);
  };
  t.q = slope(a.value, b.value, c.value, d.value);
  t.eq = slope(a.e, b.e, c.e, d.e);
  t.sq = slope(a.s, b.s, c.s, d.s);
  t.qq = (16.0 * ((b.value - t.value) + (c.value - t.value)) -
          ((a.value - t.value) + (d.value - t.value))) /
         (12.0 * h * h);
  return t;
}

}  // namespace tenure::survival
