#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tenure/clv/gamma_gamma.hpp"
#include "tenure/clv/posterior.hpp"
#include "tenure/clv/prepared.hpp"
#include "tenure/clv/prior.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/execution.hpp"

/// Partial pooling: each group of customers has parameters of its own, whose logarithms u are
/// normal(mu_k, tau_k) over groups, parameter by parameter. Formulas: docs/methods/posterior.md.
namespace tenure::clv {

struct GroupModel {
  std::vector<PreparedLikelihood> groups;  ///< at least one, all of as many parameters
  std::vector<PriorTerm> population;       ///< of exp(mu): terms in mu
  std::vector<PriorTerm> spread;           ///< of tau: terms in log(tau)

  std::size_t parameters() const { return groups.front().parameters; }
  std::size_t coordinates() const { return (2 + groups.size()) * parameters(); }
};

/// The likelihoods of the groups, rows of one group collapsed on their own. `group` has a number
/// from 0 to `groups` - 1 for each row. Throws InvalidInput naming the row of the caller, and for a
/// group in which nobody tells anything.
using PreparePurchases =
    std::function<PreparedLikelihood(const RepeatPurchases&, const Execution&)>;
std::vector<PreparedLikelihood> prepare_groups(const RepeatPurchases& purchases,
                                               std::span<const std::int64_t> group,
                                               std::int64_t groups, const PreparePurchases& prepare,
                                               const Execution& execution);
std::vector<PreparedLikelihood> prepare_groups(const ObservedSpend& spend,
                                               std::span<const std::int64_t> group,
                                               std::int64_t groups, const Execution& execution);

/// What the sampler moves in: mu, log(tau), and for each group and parameter xi, with
///
///     u = w centre + (1 - w) mu + s xi,  w = h tau^2 / (1 + h tau^2),  s = tau / sqrt(1 + h tau^2)
///
/// where h is about the information that the group's customers hold on u. Where they say little,
/// h tau^2 << 1, this is the non-centred parameterisation, u = mu + tau xi; where they say all, u =
/// centre + xi / sqrt(h), which depends on mu and tau no more. For a normal likelihood of that
/// centre and information xi is standard normal and independent of all else, whatever tau, so that
/// there is no funnel on either side.
struct GroupCoordinates {
  std::vector<double> centre, information;  ///< groups x parameters; information >= 0
};

/// Log of the joint density of the coordinates, up to a constant, with its gradient. Where it is
/// not finite it counts as 0. O(sum of the likelihoods).
double group_log_density(const GroupModel& model, const GroupCoordinates& coordinates,
                         std::span<const double> point, std::span<double> gradient,
                         const Execution& execution);

/// From coordinates to mu, log(tau) and u of each group; returns what the log-density of the former
/// has above that of the latter.
double to_logarithms(const GroupCoordinates& coordinates, std::size_t parameters,
                     std::span<double> point);

/// Draws of mu, log(tau), and u of each group; their joint log-density, normal densities and priors
/// normalised.
struct GroupPosteriorDraws : optim::NutsDraws {
  GroupCoordinates coordinates = {};
  bool mode_found = false;  ///< whether Newton's method found the mode with all groups alike
};

/// Samples likelihoods times the normal density of u times the priors. Newton's method finds the
/// mode of all groups alike; ten steps of the EM algorithm with Laplace's approximation in each
/// group then tell the centre and information of the coordinates, where chains start, and the
/// first metric of the No-U-Turn sampler. With more than 40 coordinates the metric has a block for
/// mu and tau together and one for each group. Same bits for any thread count. Throws InvalidInput
/// for terms and options out of range.
GroupPosteriorDraws sample_group_posterior(const GroupModel& model, const PosteriorOptions& options,
                                           const Execution& execution);

}  // namespace tenure::clv
