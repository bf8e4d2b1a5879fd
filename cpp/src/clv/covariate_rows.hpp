#pragma once
#include <array>

#include "tenure/clv/covariates.hpp"

/// A likelihood of four positive parameters that differ from row to row.
namespace tenure::clv {

inline constexpr int kRowChunk = 64;
inline constexpr int kRowLanes = 8;  ///< the order of summation is fixed

/// Rows of one frequency x, in scaled time. The last lanes may hold rows that do not count.
struct RowChunk {
  int full;  ///< a multiple of kRowLanes, at most kRowChunk
  double x;
  const double* recency;
  const double* age;
  const double (*parameter)[kRowChunk];  ///< 4
};

/// What a row is told to add up to: log L, its gradient and its Hessian (lower triangle by rows) in
/// the logarithms of the row's own parameters.
enum RowTerm { kRowValue, kRowGradient, kRowHessian = kRowGradient + 4, kRowTerms = 15 };

struct RowKernel {
  void (*terms)(const RowChunk& rows, double (*term)[kRowChunk]);
  std::array<bool, 4> is_time;  ///< parameters in the unit of time of the data
};

}  // namespace tenure::clv
