#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// Customers who may buy at whole opportunities 1, 2, ..., n after the one at which they were
/// acquired, one row a customer (or a set of customers alike, with their number as the weight).
/// Views: nothing is copied.
struct PurchaseOpportunities {
  std::span<const double> frequency;  ///< x: opportunities with a purchase
  std::span<const double> recency;    ///< t_x: the last of them, 0 if x = 0; x <= t_x <= n
  std::span<const double> number;     ///< n: opportunities seen, 0 to kMostOpportunities
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0; absent: 1 for every row

  std::int64_t rows() const { return std::ssize(frequency); }
};

/// The likelihood of a cell costs a step for each opportunity.
inline constexpr double kMostOpportunities = 100'000.0;

/// Throws InvalidInput for the lowest row that breaks a rule of `PurchaseOpportunities` (all three
/// are whole numbers; n is called T), and for spans of unequal length.
void require_valid(const PurchaseOpportunities& purchases, const Execution& execution);

/// Throws InvalidInput unless every n is whole and in range, every weight finite and >= 0.
void require_valid_opportunities(std::span<const double> number,
                                 std::optional<std::span<const double>> weight,
                                 const Execution& execution);

struct OpportunityCell {
  double x, t_x, n;
  double weight;  ///< sum over the rows alike
};

/// The distinct rows, ascending in n and x and descending in t_x.
struct OpportunityCells {
  std::vector<OpportunityCell> cell;
  std::vector<std::int64_t> first;  ///< runs of one n and x begin here; one more than runs
  double customers = 0.0;           ///< sum of weights

  std::int64_t runs() const { return std::ssize(first) - 1; }
};

/// Checks the rows and merges those alike. O(rows) for few cells, O(rows log cells) at worst. Same
/// bits for any thread count. Throws as `require_valid` does.
OpportunityCells distinct_cells(const PurchaseOpportunities& purchases, const Execution& execution);

/// Something that depends on x, t_x and n, computed once a cell and written to every row: `of_run`
/// gets the cells of one n and x, and where to write. O(rows log cells).
Buffer<double> by_cell(
    const PurchaseOpportunities& purchases,
    const std::function<void(std::span<const OpportunityCell> run, double* out)>& of_run,
    const Execution& execution);

}  // namespace tenure::clv
