#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace tenure {

/// A sum of doubles whose bits depend neither on the order of the terms nor on how they were split
/// into partial sums: for states that merge.
///
/// Each term is cut into digits of 24 bits on a fixed grid of exponents, and digits are added as
/// integers. The five leading digits are kept, counted from the largest term: a term is cut off
/// 2^-96 below the largest one at the latest, and then the same for every order. `value` is within
/// 1 ulp of the sum of what was kept. Terms must be finite; up to 2^38 of them.
/// [Demmel & Nguyen 2015, "Parallel reproducible summation", has the idea of the fixed grid.]
class OrderFreeSum {
 public:
  static constexpr int kDigits = 5;

  OrderFreeSum() = default;
  /// A sum as `top` and `digits` tell it.
  OrderFreeSum(std::int64_t top, const std::array<std::int64_t, kDigits>& digits)
      : top_(top), digit_(digits) {}

  void add(double term) {
    const auto bits = std::bit_cast<std::uint64_t>(term);
    if ((bits << 1) == 0) return;
    const auto exponent = static_cast<std::int64_t>((bits >> 52) & 0x7FF);
    const std::int64_t is_normal = exponent != 0;
    const std::uint64_t mantissa =
        (bits & ((std::uint64_t{1} << 52) - 1)) | (static_cast<std::uint64_t>(is_normal) << 52);
    // Exponent of the last bit, from kLeast on; the leading bit is 52 above it.
    const std::int64_t last = exponent - is_normal;
    const std::int64_t low = last / kBits, shift = last - kBits * low;
    const std::int64_t top = low + 2 + (shift + 52 >= 3 * kBits);
    if (top > top_) raise_to(top);
    // Four digits hold any mantissa. Sums of one size never leave this path, whose cost does not
    // depend on the term.
    const std::uint64_t rest = mantissa >> (2 * kBits - shift);
    const auto sign = -static_cast<std::int64_t>(bits >> 63);
    const auto place = top_ - low;
    const auto put = [&](std::int64_t i, std::uint64_t digit) {
      digit_[static_cast<std::size_t>(i)] += (static_cast<std::int64_t>(digit) ^ sign) - sign;
    };
    if (place < kDigits) [[likely]]
      put(place, (mantissa << shift) & kMask);
    if (place <= kDigits) [[likely]]
      put(place - 1, (mantissa >> (kBits - shift)) & kMask);
    if (place <= kDigits + 1) [[likely]]
      put(place - 2, rest & kMask);
    if (place <= kDigits + 2) [[likely]]
      put(std::max(place - 3, std::int64_t{0}), rest >> kBits);
  }

  OrderFreeSum& operator+=(const OrderFreeSum& other) {
    if (other.top_ > top_) raise_to(other.top_);
    for (std::int64_t i = top_ - other.top_; i < kDigits; ++i)
      digit_[static_cast<std::size_t>(i)] +=
          other.digit_[static_cast<std::size_t>(i - (top_ - other.top_))];
    return *this;
  }

  double value() const {
    std::array<std::int64_t, kDigits> d = digit_;
    carry(d);
    const bool negative = d[0] < 0;
    if (negative) {
      for (std::int64_t& digit : d) digit = -digit;
      carry(d);
    }
    double sum = 0.0;
    for (int i = kDigits - 1; i >= 0; --i)
      sum += std::ldexp(static_cast<double>(d[static_cast<std::size_t>(i)]),
                        static_cast<int>(kBits * (top_ - i) + kLeast));
    return negative ? -sum : sum;
  }

  std::int64_t top() const { return top_; }
  const std::array<std::int64_t, kDigits>& digits() const { return digit_; }

 private:
  static constexpr std::int64_t kBits = 24;
  static constexpr std::int64_t kLeast = -1074;  // exponent of the last bit of the least double
  static constexpr std::uint64_t kMask = (std::uint64_t{1} << kBits) - 1;

  /// Makes room for larger terms; digits that fall off are those that no order would keep.
  void raise_to(std::int64_t top) {
    const std::int64_t by = top - top_;
    for (std::int64_t i = kDigits - 1; i >= 0; --i)
      digit_[static_cast<std::size_t>(i)] = i >= by ? digit_[static_cast<std::size_t>(i - by)] : 0;
    top_ = top;
  }

  static void carry(std::array<std::int64_t, kDigits>& d) {
    for (std::size_t i = kDigits - 1; i > 0; --i) {
      d[i - 1] += d[i] >> kBits;
      d[i] &= static_cast<std::int64_t>(kMask);
    }
  }

  std::int64_t top_ = 0;  ///< place of the first digit, on the grid from kLeast on
  std::array<std::int64_t, kDigits> digit_{};
};

}  // namespace tenure
