#pragma once
#include <bit>
#include <cstdint>

/// exp and log without branches or tables, so that a plain loop over them is vectorised. The same
/// bits as scalars and in every vector width (compiled without contraction). Narrower domains than
/// std::exp and std::log, stated below; outside of them the result is unspecified but no crash.
namespace tenure::special {

/// log(x) for normal positive x (2.3e-308 to 1.8e308). Error < 1 ulp.
/// [fdlibm e_log.c, Sun Microsystems 1993: reduction to sqrt(1/2)..sqrt(2), log((1+s)/(1-s))]
[[gnu::always_inline]] inline double vector_log(double x) {
  const auto shifted =
      std::bit_cast<std::uint64_t>(x) + (0x3ff0000000000000u - 0x3fe6a09e00000000u);
  // The biased exponent as a double: laid into the mantissa of 2^52.
  const double k = std::bit_cast<double>((shifted >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0);
  const double f =
      std::bit_cast<double>((shifted & 0x000fffffffffffffu) + 0x3fe6a09e00000000u) - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double w = z * z;
  const double even = w * (3.999999999940941908e-01 +
                           w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const double odd = z * (6.666666666666735130e-01 +
                          w * (2.857142874366239149e-01 +
                               w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const double half = 0.5 * f * f;
  return k * 6.93147180369123816490e-01 -
         ((half - (s * (half + (even + odd)) + k * 1.90821492927058770002e-10)) - f);
}

/// exp(x) for -708 <= x <= 709; below, exp(-708) = 3e-308. Error < 1.5 ulp.
[[gnu::always_inline]] inline double vector_exp(double x) {
  x = x < -708.0 ? -708.0 : x;
  constexpr double kRound = 0x1.8p52;
  const double shifted = x * 1.44269504088896338700e+00 + kRound;
  const double k = shifted - kRound;
  const double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  // Taylor series on |r| <= log(2)/2: the first term left out is below 5e-18.
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r * r + r + 1.0;
  // k sits in the low bits of `shifted`; added to the exponent field it multiplies by 2^k.
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(p) +
                               (std::bit_cast<std::uint64_t>(shifted) << 52));
}

/// log(1 + e) for 0 <= e <= 1, with small relative error for small e too: the rounding of 1 + e is
/// put back to first order. [Higham 2002, sec. 1.14.1, in the form of Kahan]
[[gnu::always_inline]] inline double vector_log1p(double e) {
  const double u = 1.0 + e;
  return vector_log(u) + (e - (u - 1.0)) / u;
}

}  // namespace tenure::special
