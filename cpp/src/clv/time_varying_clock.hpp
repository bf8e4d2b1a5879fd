#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/clv/time_varying.hpp"
#include "tenure/support/buffer.hpp"

/// The periods of a customer as pieces of time since the first purchase, and the two clocks on
/// which purchases and dropout run at constant rates.
namespace tenure::clv::time_varying {

/// Multipliers e^(g'x) and e^(h'y) of each row of the design.
struct Multipliers {
  Buffer<double> purchase, dropout;
};

/// Multipliers at these coefficients. O(rows k).
Multipliers multipliers(const CovariatePeriods& periods, std::span<const double> coefficients,
                        const Execution& execution);

/// Throws InvalidInput unless every multiplier lies within 1e-260 and 1e260, so that clocks and
/// densities are numbers.
void require_numbers(const Multipliers& multipliers);

/// Calls body(row, from, to) for the pieces of (from, to] of a customer, one for each period, in
/// order. Times since the first purchase, times `scale`. The last known period has no end.
template <class Body>
void each_piece(const CovariatePeriods& p, std::int64_t customer, double scale, double from,
                double to, const Body& body) {
  const double length = p.length * scale, phase = p.phase[customer] * scale;
  const std::int64_t last = p.end[customer] - p.first[customer] - 1;
  auto k = static_cast<std::int64_t>((phase + from) / length);
  for (k = std::min(k, last); from < to; ++k) {
    const double stop = k < last ? std::min(to, static_cast<double>(k + 1) * length - phase) : to;
    // A purchase at the end of a period, as rounding sees it.
    if (stop <= from) continue;
    body(p.first[customer] + k, from, stop);
    from = stop;
  }
}

/// A sum of weights over pieces, piece by piece: the time of a clock and its slopes and curvatures
/// in the coefficients that drive it.
class Clock {
 public:
  explicit Clock(std::span<const std::int64_t> columns)
      : columns_(columns),
        slope_(columns.size()),
        curve_(columns.size() * (columns.size() + 1) / 2) {}

  void reset() {
    time_ = 0.0;
    std::fill(slope_.begin(), slope_.end(), 0.0);
    std::fill(curve_.begin(), curve_.end(), 0.0);
  }
  /// Goes on by a piece of calendar time, `by` longer on this clock, under a row of the design.
  void advance(double by, const double* row) {
    time_ += by;
    std::size_t at = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const double moved = by * row[columns_[i]];
      slope_[i] += moved;
      for (std::size_t j = 0; j <= i; ++j) curve_[at++] += moved * row[columns_[j]];
    }
  }

  /// The same without slopes.
  void pass(double by) { time_ += by; }

  double time() const { return time_; }
  std::size_t size() const { return columns_.size(); }
  std::int64_t column(std::size_t i) const { return columns_[i]; }
  double slope(std::size_t i) const { return slope_[i]; }
  double curve(std::size_t at) const { return curve_[at]; }  ///< lower triangle by rows

 private:
  std::span<const std::int64_t> columns_;
  double time_ = 0.0;
  std::vector<double> slope_, curve_;
};

/// The customers, in times scaled by a power of two, and the point at which they are looked at.
struct Setting {
  const RepeatPurchases& purchases;
  const CovariatePeriods& periods;
  double scale;
  std::array<double, 4> parameters;  ///< in scaled time
  std::span<const double> coefficients;
  const Multipliers& multiplier;

  double weight(std::int64_t i) const { return purchases.weight ? (*purchases.weight)[i] : 1.0; }
  std::size_t coordinates() const { return 4 + static_cast<std::size_t>(periods.coefficients()); }
  std::size_t size() const {  ///< of `Sums`
    return 1 + coordinates() + coordinates() * (coordinates() + 1) / 2;
  }
};

/// Sums over customers of weight times log L, of its gradient and of its Hessian (lower triangle by
/// rows) in the logs of the four parameters, the coefficients of purchases and those of dropout.
struct Sums {
  std::vector<double> of;
  Sums& operator+=(const Sums& other) {
    for (std::size_t i = 0; i < of.size(); ++i) of[i] += other.of[i];
    return *this;
  }
};
constexpr std::size_t packed(std::size_t i, std::size_t j) { return i * (i + 1) / 2 + j; }

Sums pareto_nbd_sums(const Setting& at, std::int64_t from, std::int64_t to);
Sums bg_nbd_sums(const Setting& at, std::int64_t from, std::int64_t to);

/// Of one customer in the Pareto/NBD model, relative to the density at t_x: the likelihood of
/// having stayed until T, as a logarithm, and of having left in (t_x, T].
struct StayOrLeave {
  double log_stay, leave;
  double purchase_clock, dropout_clock;  ///< at T, in scaled time
};
void pareto_nbd_weigh(const Setting& at, std::int64_t from, std::int64_t to, StayOrLeave* out);

}  // namespace tenure::clv::time_varying
