#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::survival {

/// The rows of a matrix, one after the other, as they come. A view: nothing is copied.
struct Design {
  std::span<const double> values;  ///< rows x columns
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

/// X moved and scaled so that every column has mean 0 and variance 1 under the weights, block by
/// block while it is read. Columns that do not vary keep their values.
struct Standard {
  std::vector<double> centre, scale;  ///< by column
};

/// Means (0 unless `centred`) and standard deviations of the columns. O(rows columns).
Standard standard_of(const Design& x, std::span<const double> weight, bool centred,
                     const Execution& execution);

/// gram += sum_r h[r] x_r x_r', the lower triangle of a columns x columns matrix. Bound by
/// arithmetic, vectorised over columns; same bits on every vector width.
void add_weighted_gram(const double* x, const double* h, std::int64_t rows, std::int64_t columns,
                       double* gram);

/// Copies the rows [first, last) of x, standardised, each after a leading 1 if asked for.
void standard_rows(const Design& x, const Standard& standard, bool leading_one, std::int64_t first,
                   std::int64_t last, double* out);

}  // namespace tenure::survival
