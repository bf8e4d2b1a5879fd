#pragma once
#include <array>

#include "tenure/clv/cnbd.hpp"

/// What likelihood and predictions of the CNBD models share.
namespace tenure::clv {

/// The log odds of having left of somebody who cannot: not infinite, so that differences are
/// numbers.
inline constexpr double kNever = -1e300;

/// A time between purchases of k ticks, of which j < k have passed since the last purchase: with
/// m = r + k x and y = (T - t_x)/(alpha + T) the chances of the j are proportional to (m)_j / j!
/// y^j.
struct Phases {
  Phases(int shape, double of);

  int k;
  double m;
  std::array<double, kLargestShape> step{};    ///< (m + j - 1) / j, from one term to the next
  std::array<double, kLargestShape> first{};   ///< d log (m)_j / dm
  std::array<double, kLargestShape> second{};  ///< sum of 1 / (m + i)^2 over i < j
};

/// Throws InvalidInput for a shape out of range.
void require_valid(const CnbdModel& model);

/// Of customers who have outlived the first purchase: where that is a chance to leave, b is one
/// more. Throws as `require_valid` does.
BgNbdParameters outlived(const CnbdModel& model, const BgNbdParameters& parameters);

}  // namespace tenure::clv
