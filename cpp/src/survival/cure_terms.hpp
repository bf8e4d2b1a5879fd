#pragma once
#include <cmath>

#include "aft_terms.hpp"
#include "tenure/special/logs.hpp"

namespace tenure::survival {

/// What a row adds to the log-likelihood of a cure mixture, with its derivatives by the predictor a
/// of leaving at all (logit), the predictor e of the lifetime and s = log sigma.
struct CureTerm {
  double value = 0.0;
  double a = 0.0, e = 0.0, s = 0.0;
  double aa = 0.0, ae = 0.0, as = 0.0, ee = 0.0, es = 0.0, ss = 0.0;

  void add(const CureTerm& t, double factor) {
    value += factor * t.value;
    a += factor * t.a;
    e += factor * t.e;
    s += factor * t.s;
    aa += factor * t.aa;
    ae += factor * t.ae;
    as += factor * t.as;
    ee += factor * t.ee;
    es += factor * t.es;
    ss += factor * t.ss;
  }
};

/// log(1 + e^x)
inline double softplus(double x) {
  return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

/// 1 / (1 + e^-x)
inline double logistic(double x) {
  return x > 0.0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x));
}

/// log(1 - p + p S) with p = logistic(a): log(1 + e^(a + log S)) - log(1 + e^a). The chance u that
/// who is still there will leave is logistic(a + log S).
inline CureTerm staying_term(double a, const AftTerm& life) {
  const double together = a + life.value;
  const double p = logistic(a), u = logistic(together), spread = u * logistic(-together);
  CureTerm t;
  t.value = softplus(together) - softplus(a);
  t.a = u - p;
  t.e = u * life.e;
  t.s = u * life.s;
  t.aa = spread - p * logistic(-a);
  t.ae = spread * life.e;
  t.as = spread * life.s;
  t.ee = spread * life.e * life.e + u * life.ee;
  t.es = spread * life.e * life.s + u * life.es;
  t.ss = spread * life.s * life.s + u * life.ss;
  return t;
}

/// Exact rows have left, the other ones stayed at least until `lower`; `entry` conditions.
inline CureTerm cure_term_at(Lifetime law, const AftRow& row, double a, double eta, double sigma) {
  CureTerm t;
  if (row.exact) {
    const AftTerm life = term_at(law, 0.0, {row.lower, row.upper, -INFINITY, true}, eta, sigma);
    t.value = -softplus(-a) + life.value;
    t.a = logistic(-a);
    t.aa = -logistic(a) * t.a;
    t.e = life.e;
    t.s = life.s;
    t.ee = life.ee;
    t.es = life.es;
    t.ss = life.ss;
  } else {
    t = staying_term(a, term_at(law, 0.0, {row.lower, INFINITY, -INFINITY, false}, eta, sigma));
  }
  if (std::isfinite(row.entry))
    t.add(staying_term(a, term_at(law, 0.0, {row.entry, INFINITY, -INFINITY, false}, eta, sigma)),
          -1.0);
  return t;
}

}  // namespace tenure::survival
