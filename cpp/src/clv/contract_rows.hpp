#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/clv/covariates.hpp"
#include "tenure/survival/renewals.hpp"

namespace tenure::clv {

/// Throws InvalidInput for effects that do not fit two parameters or `rows` rows.
void require_valid_contract_effects(const Effects& effects, std::int64_t rows,
                                    const Execution& execution);

/// Rows by equal covariates; one group a row where hardly two are alike.
struct AlikeRows {
  std::vector<std::int64_t> first;  ///< group g holds order[first[g]] to order[first[g + 1]]
  std::vector<std::int64_t> order;

  std::int64_t groups() const { return std::ssize(first) - 1; }
  std::span<const std::int64_t> rows(std::int64_t group) const {
    const auto g = static_cast<std::size_t>(group);
    return std::span(order).subspan(static_cast<std::size_t>(first[g]),
                                    static_cast<std::size_t>(first[g + 1] - first[g]));
  }
};
AlikeRows alike_rows(const Effects& effects, const Execution& execution);

/// The parameters of the customer of a row, whatever they are.
survival::BetaGeometric contract_parameters_of(const survival::BetaGeometric& at,
                                               std::span<const double> coefficients,
                                               const Effects& effects, std::int64_t row);

}  // namespace tenure::clv
