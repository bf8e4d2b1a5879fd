#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tenure/clv/covariates.hpp"

namespace tenure::clv {

/// Rows by equal covariates, numbered in the order in which they first come.
struct Patterns {
  std::vector<std::int64_t> of;     ///< by row
  std::vector<std::int64_t> first;  ///< a row of each pattern
};

/// Nothing if there are more than `most`: then hardly any two rows are alike. O(rows columns).
std::optional<Patterns> few_patterns(const Effects& effects, std::int64_t most,
                                     const Execution& execution);

}  // namespace tenure::clv
