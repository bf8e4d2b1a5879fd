#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tenure::survival {

/// How p-values of m tests are adjusted for their number. With p_(1) <= ... <= p_(m):
///   none                 p_(i)
///   holm                 max_{j <= i} (m - j + 1) p_(j): bounds the chance of any false rejection,
///                        whatever the dependence [Holm 1979, Scand. J. Statistics 6:65-70]
///   benjamini_hochberg   min_{j >= i} (m / j) p_(j): bounds the expected share of false ones among
///                        the rejections, for independent or positively dependent tests [Benjamini
///                        & Hochberg 1995, JRSS B 57:289-300]
/// each at most 1.
enum class Correction : std::uint8_t { none, holm, benjamini_hochberg };

/// In the order of `p`; a NaN is no test and stays NaN. O(m log m). Throws InvalidInput for a p
/// outside [0, 1].
std::vector<double> adjusted_p_values(std::span<const double> p, Correction correction);

}  // namespace tenure::survival
