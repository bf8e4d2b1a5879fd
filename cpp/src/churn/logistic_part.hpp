#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "tenure/churn/logistic_data.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::churn::detail {

/// Rows 0, every, 2 every, ... of the sample, copied: passes over them read no more than them.
std::shared_ptr<const LogisticData> some_rows(const LogisticData& data, std::int64_t every,
                                              const Execution& execution);

/// All rows with some of their terms, ascending; an intercept must be among them.
std::shared_ptr<const LogisticData> some_terms(const LogisticData& data,
                                               const std::vector<std::size_t>& terms,
                                               const Execution& execution);

}  // namespace tenure::churn::detail
