#include "tenure/special/chi_square.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "stirling.hpp"
#include "tenure/special/gamma.hpp"

namespace tenure::special {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr int kMaxTerms = 1'000'000;  // sqrt(a) of them are needed beside x = a

/// log(1 + m) - m without the cancellation near m = 0.
double log1p_minus(double m) {
  if (std::fabs(m) > 0.25) return std::log1p(m) - m;
  // log((1 + s) / (1 - s)) with s = m / (2 + m), and m = 2s + m s.
  const double s = m / (2.0 + m), s2 = s * s;
  double sum = 0.0;
  for (int k = 23; k >= 3; k -= 2) sum = s2 * (1.0 / k + sum);
  return 2.0 * s * sum - m * s;
}

/// x^a e^-x / Gamma(a).
double factor(double a, double x) {
  if (a < 16.0) return std::exp(a * std::log(x) - x - lgamma(a));
  const double exponent = a * log1p_minus((x - a) / a) - stirling_correction(a);
  return std::sqrt(a / (2.0 * std::numbers::pi)) * std::exp(exponent);
}

/// P(a, x) Gamma(a) / (x^a e^-x) = sum x^n / (a (a + 1) ... (a + n)).
double series(double a, double x) {
  double term = 1.0 / a, sum = term;
  for (int n = 1; n < kMaxTerms && term > sum * (0.25 * kEpsilon); ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/// Q(a, x) Gamma(a) / (x^a e^-x) = 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)), by Lentz's
/// method. [Thompson & Barnett 1986, J. Comput. Phys. 64:490-509]
double fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1.0 - a;
  double c = 1.0 / kTiny, d = 1.0 / (b == 0.0 ? kTiny : b), value = d;
  for (int n = 1; n < kMaxTerms; ++n) {
    const double an = -n * (n - a);
    b += 2.0;
    d = an * d + b;
    c = b + an / c;
    d = 1.0 / (d == 0.0 ? kTiny : d);
    if (c == 0.0) c = kTiny;
    const double step = c * d;
    value *= step;
    if (std::fabs(step - 1.0) <= kEpsilon) break;
  }
  return value;
}

}  // namespace

double gamma_q(double a, double x) {
  if (!(a > 0.0 && std::isfinite(a) && x >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0.0) return 1.0;
  if (std::isinf(x)) return 0.0;
  if (x < a + 1.0) return 1.0 - factor(a, x) * series(a, x);
  return factor(a, x) * fraction(a, x);
}

double chi_square_survival(double x, double df) {
  return x <= 0.0 && df > 0.0 ? 1.0 : gamma_q(0.5 * df, 0.5 * x);
}

}  // namespace tenure::special
