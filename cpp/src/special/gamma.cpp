#include "tenure/special/gamma.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "double_double.hpp"
#include "gamma_tables.hpp"
#include "stirling.hpp"

namespace tenure::special {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;

/// Piece of [1/2, 16) that holds x: three mantissa bits below the exponent.
struct Piece {
  std::int64_t index;
  double centre;
};

Piece piece_of(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const auto top = bits >> 49;
  return {static_cast<std::int64_t>(top) - (1022 << 3),
          std::bit_cast<double>((top << 49) | (std::uint64_t{1} << 48))};
}

static_assert(tables::kCoefficients == 12);

DoubleDouble polynomial(const double* c, double t) {
  const double t2 = t * t;
  const double t4 = t2 * t2;
  const double tail = ((c[4] + t * c[5]) + t2 * (c[6] + t * c[7])) +
                      t4 * ((c[8] + t * c[9]) + t2 * (c[10] + t * c[11]));
  const auto sum = fast_two_sum(c[0], t * (c[1] + t * (c[2] + t * (c[3] + t * tail))));
  return {sum.hi, sum.lo + c[12]};
}

/// a * b of two double-doubles, rounded once.
double product(DoubleDouble a, DoubleDouble b) {
  const auto p = two_product(a.hi, b.hi);
  return p.hi + (p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/// lgamma(1 + u) for -1/2 <= u < 15, with u given exactly.
double log_gamma_of_one_plus(double u) {
  const auto [index, centre] = piece_of(1.0 + u);
  const auto g = polynomial(tables::kLogGamma[index], u - (centre - 1.0));
  const auto minus_two = two_sum(u, -1.0);
  const auto zeros = two_product(u, minus_two.hi);
  return product({zeros.hi, zeros.lo + u * minus_two.lo}, g);
}

double log_gamma_large(double x) {
  if (x == kInfinity) return x;
  const auto log_x = log_double_double(x);
  const double factor = log_x.hi - 1.0;  // exact
  if (x > 0x1p60) return x * factor + x * log_x.lo;
  const double y = x - 0.5;
  const auto p = two_product(y, factor);
  constexpr double kHalfLog2PiMinusHalf = 0.41893853320467274178;
  const double rest = p.lo + y * log_x.lo + stirling_correction(x);
  const auto s = two_sum(p.hi, kHalfLog2PiMinusHalf);
  return s.hi + (s.lo + rest);
}

double log_gamma_positive(double x) {
  if (x >= 16.0) return log_gamma_large(x);
  if (x >= 0.5) return log_gamma_of_one_plus(x - 1.0);
  if (x < 0x1p-60) return -std::log(x);
  return log_gamma_of_one_plus(x) - std::log(x);
}

/// x minus the nearest integer, exactly.
double from_nearest_integer(double x) { return x - std::nearbyint(x); }

double digamma_positive(double x) {
  if (x >= 16.0) {
    const double w = 1.0 / (x * x);
    const double series =
        w * (1.0 / 12 -
             w * (1.0 / 120 -
                  w * (1.0 / 252 -
                       w * (1.0 / 240 - w * (1.0 / 132 - w * (691.0 / 32760 - w * (1.0 / 12)))))));
    return std::log(x) - (0.5 / x + series);
  }
  const bool shifted = x < 0.5;
  const double y = shifted ? 1.0 + x : x;
  const auto [index, centre] = piece_of(y);
  const double t = shifted ? x - (centre - 1.0) : x - centre;
  const auto from_root = fast_two_sum(y - tables::kDigammaRoot, -tables::kDigammaRootRest);
  const double value = product(from_root, polynomial(tables::kDigamma[index], t));
  return shifted ? value - 1.0 / x : value;
}

double trigamma_positive(double x) {
  if (x >= 16.0) {
    const double u = 1.0 / x;
    const double w = u * u;
    const double series =
        w * (1.0 / 6 -
             w * (1.0 / 30 -
                  w * (1.0 / 42 -
                       w * (1.0 / 30 - w * (5.0 / 66 - w * (691.0 / 2730 - w * (7.0 / 6)))))));
    return u + u * (0.5 * u + series);
  }
  if (x < 0.5) {
    const auto [index, centre] = piece_of(1.0 + x);
    return polynomial(tables::kTrigamma[index], x - (centre - 1.0)).hi + 1.0 / (x * x);
  }
  const auto [index, centre] = piece_of(x);
  const auto q = polynomial(tables::kTrigamma[index], x - centre);
  return q.hi + q.lo;
}

}  // namespace

double lgamma(double x) {
  if (std::isnan(x)) return x;
  if (x > 0.0) return log_gamma_positive(x);
  if (std::isinf(x)) return kInfinity;
  // Gamma(x) Gamma(-x) = -pi / (x sin(pi x)): -x is exact, 1 - x would not be.
  if (x > -0x1p-60) return -std::log(-x);
  const double r = from_nearest_integer(x);
  if (r == 0.0) return kInfinity;
  return std::log(kPi / std::abs(x * std::sin(kPi * r))) - log_gamma_positive(-x);
}

double digamma(double x) {
  if (std::isnan(x)) return x;
  if (x > 0.0) return digamma_positive(x);
  if (x == 0.0) return std::signbit(x) ? kInfinity : -kInfinity;
  const double r = from_nearest_integer(x);
  if (r == 0.0 || std::isinf(x)) return kNaN;
  return digamma_positive(-x) - (1.0 / x + kPi / std::tan(kPi * r));
}

double trigamma(double x) {
  if (std::isnan(x)) return x;
  if (x > 0.0) return trigamma_positive(x);
  if (std::isinf(x)) return kNaN;
  const double r = from_nearest_integer(x);
  if (r == 0.0) return kInfinity;
  const double s = kPi / std::sin(kPi * r);
  return s * s - trigamma_positive(1.0 - x);
}

double log_gamma_ratio(double x, double n) {
  if (!(x > 0.0) || !(n >= 0.0)) return kNaN;
  if (n == 0.0) return std::isinf(x) ? kNaN : 0.0;
  if (std::isinf(x)) return kInfinity;
  if (std::isinf(n)) return kInfinity;
  if (x >= 16.0) return log_gamma_ratio_large(x, n);
  // Two values below 28 and a difference that is no smaller than about n log x.
  if (n >= 0.5 || x < 0x1p-500) return lgamma(x + n) - lgamma(x);
  // Up to 16 by recurrence: the product of (x + j + n) / (x + j), less 1 so that small n stay
  // accurate.
  double product = 0.0;
  for (; x < 16.0; x += 1.0) {
    const double step = n / x;
    product += step + product * step;
  }
  return log_gamma_ratio_large(x, n) - std::log1p(product);
}

}  // namespace tenure::special
