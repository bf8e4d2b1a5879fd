#pragma once
#include <bit>
#include <cstdint>

#include "gamma_tables.hpp"

namespace tenure::special {

/// An unevaluated sum hi + lo, |lo| <= ulp(hi) / 2 or so.
struct DoubleDouble {
  double hi, lo;
};

/// a + b exactly. [Knuth, TAOCP 2, 4.2.2]
inline DoubleDouble two_sum(double a, double b) {
  const double s = a + b;
  const double t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}

/// a + b exactly, for |a| >= |b|. [Dekker 1971]
inline DoubleDouble fast_two_sum(double a, double b) {
  const double s = a + b;
  return {s, b - (s - a)};
}

/// a * b exactly, for |a|, |b| < 2^996: without FMA, which baseline x86-64 lacks. [Veltkamp; Dekker
/// 1971]
inline DoubleDouble two_product(double a, double b) {
  constexpr double kSplit = 0x1p27 + 1.0;
  const double p = a * b;
  const double ca = kSplit * a, cb = kSplit * b;
  const double ah = ca - (ca - a), bh = cb - (cb - b);
  const double al = a - ah, bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

/// log(x) for finite normal x > 0, to about 2^-66 absolute: a table, then six terms of log1p.
inline DoubleDouble log_double_double(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const auto exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  const auto piece = (bits >> 45) & 127;
  const double m = std::bit_cast<double>((bits & 0x000F'FFFF'FFFF'FFFF) | 0x3FF0'0000'0000'0000);
  const double m_high = std::bit_cast<double>(std::bit_cast<std::uint64_t>(m) & ~0x07FF'FFFFull);
  const double* const row = tables::kLogTable[piece];
  const double c = row[0];
  // c has nine bits: both products and the subtraction are exact, |r| < 2^-7.
  const auto r = fast_two_sum(m_high * c - 1.0, (m - m_high) * c);
  const double k = static_cast<double>(exponent);
  const auto s = two_sum(k * tables::kLog2 + row[1], r.hi);
  const double q = r.hi;
  const double series =
      q * q *
      (-1.0 / 2 +
       q * (1.0 / 3 +
            q * (-1.0 / 4 + q * (1.0 / 5 + q * (-1.0 / 6 + q * (1.0 / 7 + q * (-1.0 / 8)))))));
  // log1p'(q) = 1 - q + ... carries the low part of r.
  const double low = s.lo + (r.lo - q * r.lo) + series + (k * tables::kLog2Rest + row[2]);
  return fast_two_sum(s.hi, low);
}

}  // namespace tenure::special
