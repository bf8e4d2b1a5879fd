#pragma once
#include <span>
#include <vector>

#include "tenure/clv/individual.hpp"
#include "tenure/clv/prior.hpp"

/// Customers who buy regularly, each to a degree of his own, until they leave.
/// [Platzer & Reutterer 2016, Marketing Science 35:779-799]
///
/// Gaps between purchases are gamma with shape k_i and rate k_i lambda_i (mean 1 / lambda_i); the
/// lifetime is exponential with rate mu_i. Over customers k ~ gamma(t, rate gamma), lambda ~
/// gamma(r, rate alpha), mu ~ gamma(s, rate beta), independent.
namespace tenure::clv {

/// What is known of a customer besides x, t_x and T: the sum of ln(gap) over repeat purchases.
struct RegularHistory {
  double x, t_x, T, log_gaps;
};

/// A customer's rates. Beyond [1e-4, 1e4] a regularity counts as impossible.
struct RegularRates {
  double lambda, mu, k;
};

/// log L(x, t_x, T, gaps | lambda, mu, k), whether and when the customer left integrated out. With
/// K = k lambda, c = T - t_x and P, Q the regularised incomplete gamma functions
///
///     x (k log K - lgamma(k)) + (k - 1) sum ln(gap) - (K + mu) t_x + log D
///     D = 1 - (K / (K + mu))^k P(k, (K + mu) c)
///
/// where D is the probability of no purchase in (t_x, T]: of leaving before, or of a longer gap.
double pareto_ggg_log_likelihood(const RegularHistory& history, const RegularRates& rates);

/// P(still a customer at T) = e^(-mu c) Q(k, K c) / D.
double pareto_ggg_probability_alive(double t_x, double T, const RegularRates& rates);

/// Draws the population and the customers from their joint posterior; `log_gaps` has a row a
/// customer. `prior`: of the logarithms of r, alpha, s, beta, t, gamma, which are the population's
/// parameters, in this order.
///
/// A sweep is a few steps of every customer, draws of each pair (r, alpha), (s, beta), (t, gamma)
/// given the customers, and steps of each pair that take all customers with them. Cost: about 0.3
/// us a customer and step, of which there are eight a sweep. Memory: 200 bytes a customer and
/// chain, and 32 a customer and kept draw. Same bits for any thread count. Throws InvalidInput as
/// sample_abe, and for log_gaps that are not finite, or not 0 where frequency is 0.
IndividualDraws sample_pareto_ggg(const RepeatPurchases& purchases,
                                  std::span<const double> log_gaps,
                                  const std::vector<PriorTerm>& prior,
                                  const IndividualOptions& options, const Execution& execution);

/// P(alive) of each customer in each draw: draws x customers.
Buffer<double> pareto_ggg_probabilities_alive(const KeptDraws& draws,
                                              const RepeatPurchases& purchases,
                                              const Execution& execution);

}  // namespace tenure::clv
