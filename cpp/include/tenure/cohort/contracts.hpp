#pragma once
#include <cstdint>
#include <vector>

#include "tenure/cohort/retention_rates.hpp"
#include "tenure/events/contract_spells.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::cohort {

/// Amounts are the recurring revenue of the contract from then on.
using events::ContractRole;

struct ContractOptions {
  Period period = Period::month;
  std::vector<ContractRole> role = {};  ///< by event code
  /// A contract lapses with the end of the period that lies `term` periods after that of its last
  /// start or renewal, unless renewed in it. 0: it runs until cancelled.
  std::int64_t term = 0;
};

/// Money in millionths of the unit of amounts: whole numbers, so that sums are exact and
/// opening + new + reactivated + expansion - contraction - churned = closing holds to the last one.
inline constexpr double kMoneyUnits = 1e6;

enum class MoveKind : std::uint8_t { fresh, reactivated, changed, churned };

/// How a customer's contract differs between the opening and the closing of a period.
struct ContractMove {
  std::int64_t customer;
  std::int64_t before, after;  ///< recurring revenue in millionths
  std::int32_t period;         ///< counted from the first
  MoveKind kind;
};

struct ContractMoves {
  std::int64_t first_period = 0;
  std::int64_t periods = 0;         ///< that ended by `observed_until`
  std::vector<ContractMove> moves;  ///< by customer, then by period
  std::vector<double> exposure;     ///< by period: customer-periods under contract
  std::vector<std::int64_t> ended;  ///< by period: contracts that ended, brief ones too
  std::vector<std::int64_t> brief;  ///< by period: customers under contract in it, at neither end
  /// By first period of a customer and whole periods kept since, row-major periods x periods: who
  /// was under contract at the end of each of them, in which the first contract began.
  std::vector<std::int64_t> survivors;
  std::int64_t without_contract = 0;      ///< customers
  std::int64_t opened_without_start = 0;  ///< customers whose first contract opens otherwise
  std::int64_t cancelled_before = 0;      ///< cancellations before any contract: not counted
};

/// The contract of each customer, one at a time, from its events: a start opens one, or changes the
/// revenue of one that runs; a renewal prolongs it, and changes its revenue unless its amount is 0;
/// a change changes its revenue; a cancellation ends it. A renewal or change outside a contract
/// opens one, a renewal without an amount at the revenue of the last one. Events of one instant
/// count together: under contract, a cancellation with a start or renewal is a change; outside, a
/// start with a cancellation is a contract of no length. The amount is that of a change, else of a
/// renewal, else of a start; of several the highest.
///
/// A customer is new in a period who is under contract at its closing and never had one before it;
/// reactivated if not under contract at its opening, but earlier; churned if under contract at its
/// opening only. What begins and ends between opening and closing is `brief`.
///
/// One pass, O(rows); memory O(moves + periods^2). Same bits for any thread count. Throws
/// InvalidInput for a log without amounts, roles that do not fit it, term < 0, more than 2^12
/// periods, an amount that is not finite, negative or above 9e12, and a renewal without one of a
/// contract that was never seen.
ContractMoves contract_moves(const events::EventLog& log, const ContractOptions& options,
                             const Execution& execution);

/// Sums by period. Money is the exact sum, rounded once.
struct ContractTable {
  std::vector<std::int64_t> opening, fresh, reactivated, expanded, contracted, churned, closing;
  std::vector<double> opening_revenue, fresh_revenue, reactivated_revenue, expansion, contraction,
      churned_revenue, closing_revenue;
  std::vector<double> gross_churn;  ///< (churned + contraction) / opening; NaN without revenue
  std::vector<double> net_churn;    ///< (churned + contraction - expansion) / opening
};

ContractTable contract_table(const ContractMoves& moves);

struct ContractLimits {
  std::vector<double> gross_lower, gross_upper, net_lower, net_upper;  ///< by period
};

/// Percentile limits of the two revenue rates from resampled customers, as `retention_bootstrap`:
/// a customer counts Poisson(1) times with all of its periods. O(replicates x (moves + periods)).
/// Same bits for any thread count. Throws InvalidInput for replicates < 2, a level outside (0, 1),
/// or more than 2^27 replicates of periods.
ContractLimits contract_bootstrap(const ContractMoves& moves, const BootstrapOptions& bootstrap,
                                  const Execution& execution);

}  // namespace tenure::cohort
