#pragma once
#include <array>
#include <optional>

#include "ratio_coordinate.hpp"
#include "tenure/clv/covariates.hpp"

/// A likelihood of a few positive parameters that differ from row to row.
namespace tenure::clv {

inline constexpr int kRowChunk = 64;
inline constexpr int kRowLanes = 8;  ///< the order of summation is fixed

/// Rows of one frequency x, in scaled time. The last lanes may hold rows that do not count.
struct RowChunk {
  int rows;  ///< that count
  int full;  ///< a multiple of kRowLanes, at most kRowChunk
  double x;
  const double* recency;
  const double* age;
  const double (*parameter)[kRowChunk];  ///< one each
};

/// What a row is told to add up to: log L, its gradient and its Hessian (lower triangle by rows) in
/// the logarithms of the row's own parameters. Where the terms of each kind begin:
constexpr int row_hessian(int parameters) { return 1 + parameters; }
constexpr int row_terms(int parameters) {
  return row_hessian(parameters) + parameters * (parameters + 1) / 2;
}
inline constexpr int kRowValue = 0, kRowGradient = 1;

struct RowKernel {
  void (*terms)(const RowChunk& rows, double (*term)[kRowChunk]);
  int parameters;
  /// Powers of the unit of time of the data in which the parameters are.
  std::array<int, kMostParameters> time;
  /// Which of the kernel's parameters is a ratio of two of the caller's.
  std::optional<RatioCoordinate> ratio = {};
};

}  // namespace tenure::clv
