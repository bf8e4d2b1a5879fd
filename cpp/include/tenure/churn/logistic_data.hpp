#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Rows of a logistic regression. Views: nothing is copied.
struct LogisticSample {
  std::span<const double> x;  ///< rows x columns, by row, finite
  std::int64_t columns = 0;
  std::span<const std::uint8_t> event;                 ///< 0 or 1
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0. Absent: 1
  std::optional<std::span<const double>> offset = {};  ///< finite. Absent: 0
  bool intercept = true;
  bool centred =
      true;  ///< false: scaled only, so that the intercept is that of columns as they are
};

/// The sample, checked, with what standardises its columns. X stays where it is, a view: it is read
/// tile by tile in each pass, which moves (x - centre) / scale into the cache. The terms of the
/// regression are the intercept, if any, and the columns, in this order.
struct LogisticData {
  std::span<const double> x;
  std::int64_t rows = 0, columns = 0;
  std::int64_t terms = 0;   ///< columns, and the intercept
  std::int64_t stride = 0;  ///< terms, rounded up to a multiple of 8
  bool intercept = true;
  std::vector<std::uint8_t> event;
  std::vector<double> weight, offset;  ///< empty where absent
  double total_weight = 0.0, event_weight = 0.0;

  // by column, over rows of weight > 0
  std::vector<double> centre;  ///< weighted mean; 0 without an intercept or where not wanted
  std::vector<double> scale;   ///< standard deviation (divisor: the weight); 1 where there is none
  std::vector<double> least, most;
};

/// Checks and measures the columns, in one pass over X (two where the first row lies far from the
/// others). Columns whose squares are no numbers keep a centre of 0 and a scale of 1.
///
/// O(rows columns), bound by memory. Same bits for every thread count. Throws InvalidInput for a
/// bad cell and for spans of unequal length.
LogisticData prepare_logistic(const LogisticSample& sample, const Execution& execution = {});

}  // namespace tenure::churn
