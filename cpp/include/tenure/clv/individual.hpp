#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

/// Models in which every customer has rates of his own, drawn one customer at a time.
namespace tenure::clv {

struct IndividualOptions {
  std::int64_t chains = 4, draws = 1000, warmup = 1000;
  std::int64_t kept = 100;  ///< draws of the customers that each chain keeps, 1 to `draws`
  std::int64_t sweeps = 1;  ///< steps of the chain from one draw to the next
  std::uint64_t seed = 0;
  /// Where the population is held while the customers are drawn; empty: it is drawn too.
  std::vector<double> held = {};
};

/// Rates are kept as they are, not as logarithms.
struct IndividualDraws {
  std::int64_t parameters = 0;         ///< of the population
  std::int64_t rates = 0;              ///< of a customer: lambda, mu (, k)
  std::vector<double> population;      ///< chains x draws x parameters
  std::vector<double> log_likelihood;  ///< chains x draws: of all customers; see the model
  std::vector<double> acceptance;      ///< by chain: of the customers' steps after the warm-up
  Buffer<double> individual;           ///< chains x kept x rates x customers
  Buffer<double> lifetime;             ///< chains x kept x customers: since the first purchase;
                                       ///< beyond T where the customer is still there
};

/// Throws InvalidInput unless every count is in its range and what is held is all `parameters`.
void require_valid(const IndividualOptions& options, std::int64_t parameters);

/// Kept draws of the customers' rates, as `IndividualDraws` holds them, for predictions.
struct KeptDraws {
  std::span<const double> individual;  ///< draws x rates x customers
  std::int64_t draws, rates, customers;

  std::span<const double> of(std::int64_t draw, std::int64_t rate) const {
    return individual.subspan(static_cast<std::size_t>((draw * rates + rate) * customers),
                              static_cast<std::size_t>(customers));
  }
};

/// Purchases in (T, T + horizon] of each customer in each draw: draws x customers. From the
/// lifetime drawn with the rates, gaps between purchases gamma of shape k and mean 1 / lambda
/// (exponential where there are two rates), the first of them longer than T - recency. A customer
/// owns a stream of (seed, `first` + row): same bits for any thread count, and for parts of the
/// customers. A million purchases of one are the most. O(draws x customers + purchases).
Buffer<double> simulate_purchases(const KeptDraws& draws, std::span<const double> lifetime,
                                  const RepeatPurchases& purchases, double horizon,
                                  std::uint64_t seed, std::uint64_t first,
                                  const Execution& execution);

}  // namespace tenure::clv
