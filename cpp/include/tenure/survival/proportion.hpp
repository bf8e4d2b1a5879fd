#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tenure::survival {

struct Interval {
  double lower;
  double upper;
};

/// Wilson's score interval of a proportion, without continuity correction: the p with
/// |k/n - p| <= z sqrt(p (1 - p) / n).
/// [Wilson 1927, JASA 22:209-212; Brown, Cai & DasGupta 2001, Statistical Science 16:101-133, eq.
/// 4]
///
/// Exact at its edges: lower is 0 for k = 0, upper is 1 for k = n. NaN for n = 0 and where k or n
/// is NaN (a cell not yet observed). k need not be whole: weights.
Interval wilson(double k, double n, double z);

struct Intervals {
  std::vector<double> lower;
  std::vector<double> upper;
};

/// `wilson` for each pair; `level` in (0, 1) is the confidence level. Throws InvalidInput for spans
/// of unequal length, a level outside (0, 1), and a row with k < 0, n < 0 or k > n.
Intervals wilson_intervals(std::span<const double> k, std::span<const double> n, double level);

}  // namespace tenure::survival
