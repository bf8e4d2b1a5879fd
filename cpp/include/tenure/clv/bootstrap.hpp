#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "tenure/clv/bg_bb.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/fit.hpp"
#include "tenure/clv/gamma_gamma.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/support/random.hpp"
#include "tenure/survival/renewals.hpp"

/// The parametric bootstrap [Efron & Tibshirani 1993, An Introduction to the Bootstrap, sect. 6.5]:
/// customer bases of the same design drawn from a fitted model, and the model fitted to each.
/// Formulas: docs/methods/bootstrap.md.
namespace tenure::clv {

// --- one customer ------------------------------------------------------------------------------

/// Repeat purchases within an own T, and the time of the last, 0 if there is none.
struct DrawnPurchases {
  double frequency = 0.0, recency = 0.0;
};

/// From the processes as the headers of the models tell them. O(purchases). A customer with a
/// million purchases, which only a wrong unit gives, throws InvalidInput.
DrawnPurchases draw_bg_nbd(const BgNbdParameters& at, double age, RandomStream& random);
DrawnPurchases draw_mbg_nbd(const MbgNbdParameters& at, double age, RandomStream& random);
DrawnPurchases draw_nbd(const NbdParameters& at, double age, RandomStream& random);
DrawnPurchases draw_pareto_nbd(const ParetoNbdParameters& at, double age, RandomStream& random);
DrawnPurchases draw_ggompertz_nbd(const GGompertzNbdParameters& at, double age,
                                  RandomStream& random);
/// `age` counts opportunities.
DrawnPurchases draw_bg_bb(const BgBbParameters& at, double age, RandomStream& random);

/// Mean amount of `frequency` > 0 orders.
double draw_mean_spend(const GammaGammaParameters& at, double frequency, RandomStream& random);

/// Renewals made out of at most `observed`; one less than that many means lost.
double draw_renewals(const survival::BetaGeometric& at, double observed, RandomStream& random);
double draw_renewals(const survival::BetaWeibull& at, double observed, RandomStream& random);

// --- bases of them -----------------------------------------------------------------------------

/// By replicate.
struct Replicates {
  std::vector<double> parameters;      ///< replicates x k; NaN where the base was refused
  std::vector<double> log_likelihood;  ///< NaN where the base was refused
  /// replicates x k: the gradient of the replicate's log-likelihood at the parameters that it was
  /// drawn from, in their logarithms.
  std::vector<double> score;
  /// The status of the fit, or kRefused where the drawn base cannot tell the parameters at all.
  std::vector<std::uint8_t> outcome;
};
inline constexpr std::uint8_t kRefused = 255;

struct BootstrapOptions {
  std::int64_t replicates = 1000;  ///< from 1 to 2^23
  std::uint64_t seed = 0;
  FitOptions fit = {};  ///< with the estimate as its start
};

/// What a model of purchases has to do.
struct PurchaseModel {
  std::function<DrawnPurchases(double age, RandomStream&)> draw;
  std::function<Fit(const RepeatPurchases&, const FitOptions&, const Execution&)> fit;
  /// Gradient of the log-likelihood in the logarithms of the parameters.
  std::function<std::vector<double>(const RepeatPurchases&, const Execution&)> score;
};

/// Customer i of replicate b owns the random stream (seed, b 2^40 + i): same bits for any thread
/// count, and replicate b does not depend on how many there are. A row of weight w stands for w
/// customers, each drawn for itself. Replicates are tasks and steps of the execution; each is
/// fitted on one thread. Cost of one: a draw a customer and a fit from a start nearby.
///
/// Throws InvalidInput for a row with a T that is not finite and >= 0 or a weight that is no whole
/// number, no customers, and replicates out of range.
Replicates bootstrap_purchases(const PurchaseModel& model, std::span<const double> age,
                               std::optional<std::span<const double>> weight,
                               const BootstrapOptions& options, const Execution& execution);

/// The same for amounts: of each customer as many orders as were seen. Rows that tell the model
/// nothing are left out.
Replicates bootstrap_spend(const GammaGammaParameters& at, const ObservedSpend& spend,
                           const BootstrapOptions& options, const Execution& execution);

/// The same for contracts, of BetaGeometric or BetaWeibull, each watched for `observed` >= 1
/// renewals.
template <class Model>
Replicates bootstrap_contracts(const Model& at, std::span<const double> observed,
                               std::optional<std::span<const double>> weight,
                               const BootstrapOptions& options, const Execution& execution);

}  // namespace tenure::clv
