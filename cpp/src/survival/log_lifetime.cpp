#include "tenure/survival/log_lifetime.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tenure/special/gamma.hpp"
#include "tenure/special/logs.hpp"
#include "tenure/special/normal.hpp"

namespace tenure::survival {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHalfLogTwoPi = 0.91893853320467274178;

/// log P(Z > w) of a standard normal.
double log_normal_tail(double w) {
  if (w < -1.0) return std::log1p(-0.5 * std::erfc(-w * M_SQRT1_2));
  if (w < 30.0) return std::log(0.5 * std::erfc(w * M_SQRT1_2));
  const double z = 1.0 / (w * w);  // the asymptotic series: the term left out is below 1e-14
  return -0.5 * w * w - kHalfLogTwoPi - std::log(w) +
         std::log1p(z * (-1.0 + z * (3.0 + z * (-15.0 + z * 105.0))));
}

double log1p_exp(double x) {
  return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

/// (exp(x) - 1 - x) / x^2
double second_order(double x) {
  if (std::abs(x) > 0.5) return (std::expm1(x) - x) / (x * x);
  double sum = 1.0;  // 1/2 (1 + x/3 (1 + x/4 (1 + ...)))
  for (int k = 18; k >= 3; --k) sum = 1.0 + x / k * sum;
  return 0.5 * sum;
}

/// log(g^(g - 1/2) e^-g / Gamma(g)), g = q^-2: minus half the log of 2 pi and Stirling's remainder.
double log_stirling_ratio(double g) {
  if (g < 30.0) return (g - 0.5) * std::log(g) - g - special::lgamma(g);
  const double z = 1.0 / (g * g);
  return -kHalfLogTwoPi -
         (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z * (1.0 / 1680.0)))) / g;
}

/// log P and log Q of the incomplete gamma function at shape g = q^-2 and g e^(q w), by the series
/// below the mean and Legendre's fraction above it [DLMF 8.11.4, 8.9.2]; the common factor is the
/// density, so that nothing over- or underflows.
void log_incomplete(double q, double w, double log_density, double& log_p, double& log_q) {
  const double g = 1.0 / (q * q), u = g * std::exp(q * w);
  const double front = log_density - std::log(std::abs(q));  // log of u^g e^-u / Gamma(g)
  if (u < 1e-300) {                                          // the first term alone
    log_p = std::min(front - std::log(g), 0.0);
    log_q = special::log1m_exp(log_p);
  } else if (u < g + 1.0) {
    double term = 1.0, sum = 1.0;
    for (double k = 1.0; term > 1e-17 * sum; k += 1.0) sum += term *= u / (g + k);
    log_p = std::min(front - std::log(g) + std::log(sum), 0.0);
    log_q = special::log1m_exp(log_p);
  } else if (std::isinf(u)) {
    log_q = -kInfinity;
    log_p = 0.0;
  } else {
    // Modified Lentz for 1 / (u + 1 - g - 1 (1 - g) / (u + 3 - g - ...)).
    double b = u + 1.0 - g, c = 1e300, d = 1.0 / b, h = d;
    for (double k = 1.0; k < 1e6; k += 1.0) {
      const double a = -k * (k - g);
      b += 2.0;
      d = 1.0 / (a * d + b);
      c = b + a / c;
      const double factor = c * d;
      h *= factor;
      if (std::abs(factor - 1.0) < 1e-16) break;
    }
    log_q = std::min(front + std::log(h), 0.0);
    log_p = special::log1m_exp(log_q);
  }
}

/// log density and its derivatives; S and F are to be set.
LogLaw gamma_density(double q, double w) {
  const double x = q * w;
  // g (x - e^x) = -g - g (e^x - 1 - x), and g x^2 = w^2.
  return {log_stirling_ratio(1.0 / (q * q)) - w * w * second_order(x),
          q == 0.0 ? -w : -std::expm1(x) / q, -std::exp(x), 0.0, 0.0};
}

LogLaw generalized_gamma_at(double q, double w) {
  LogLaw law = gamma_density(q, w);
  double log_p = 0.0, log_q = 0.0;
  log_incomplete(q, w, law.density, log_p, log_q);
  law.survival = q > 0.0 ? log_q : log_p;
  law.failure = q > 0.0 ? log_p : log_q;
  return law;
}

LogLaw log_normal_law(double w) {
  return {-0.5 * w * w - kHalfLogTwoPi, -w, -1.0, log_normal_tail(w), log_normal_tail(-w)};
}

LogLaw generalized_gamma(double q, double w) {
  if (std::abs(q) >= 0.03) return generalized_gamma_at(q, w);
  // So near to the normal law, series and fraction last long: S is smooth in q, and is
  // interpolated by a polynomial of degree 6.
  constexpr std::array<double, 7> node{-0.09, -0.06, -0.03, 0.0, 0.03, 0.06, 0.09};
  LogLaw law = q == 0.0 ? log_normal_law(w) : gamma_density(q, w);
  law.survival = law.failure = 0.0;
  for (std::size_t i = 0; i < node.size(); ++i) {
    double share = 1.0;
    for (std::size_t k = 0; k < node.size(); ++k)
      if (k != i) share *= (q - node[k]) / (node[i] - node[k]);
    const LogLaw at = node[i] == 0.0 ? log_normal_law(w) : generalized_gamma_at(node[i], w);
    law.survival += share * at.survival;
    law.failure += share * at.failure;
  }
  return law;
}

}  // namespace

LogLaw log_law(Lifetime law, double shape, double w) {
  switch (law) {
    case Lifetime::exponential:
    case Lifetime::weibull: {
      const double e = std::exp(w);
      return {w - e, 1.0 - e, -e, -e, special::log1m_exp(-e)};
    }
    case Lifetime::log_normal:
      return log_normal_law(w);
    case Lifetime::log_logistic: {
      const double tail = log1p_exp(w);
      const double p = w > 0.0 ? 1.0 / (1.0 + std::exp(-w)) : std::exp(w) / (1.0 + std::exp(w));
      return {w - 2.0 * tail, 1.0 - 2.0 * p, -2.0 * p * (1.0 - p), -tail, w - tail};
    }
    case Lifetime::generalized_gamma:
      break;
  }
  return generalized_gamma(shape, w);
}

double inverse_survival(Lifetime law, double shape, double log_survival) {
  switch (law) {
    case Lifetime::exponential:
    case Lifetime::weibull:
      return std::log(-log_survival);
    case Lifetime::log_normal:
      return log_survival > -0.69 ? special::normal_quantile(-std::expm1(log_survival))
                                  : -special::normal_quantile(std::exp(log_survival));
    case Lifetime::log_logistic:
      return special::log1m_exp(log_survival) - log_survival;
    case Lifetime::generalized_gamma:
      break;
  }
  double low = -1.0, high = 1.0;
  while (log_law(law, shape, low).survival < log_survival && low > -1e6) low *= 2.0;
  while (log_law(law, shape, high).survival > log_survival && high < 1e6) high *= 2.0;
  for (int i = 0; i < 200 && high - low > 1e-14 * (1.0 + std::abs(low)); ++i) {
    const double middle = 0.5 * (low + high);
    (log_law(law, shape, middle).survival > log_survival ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace tenure::survival
