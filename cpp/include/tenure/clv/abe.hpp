#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/clv/individual.hpp"

/// Purchases and lifetimes of the Pareto/NBD model, with rates that are correlated and depend on
/// covariates. [Abe 2009, Marketing Science 28:541-553]
///
/// (log lambda_i, log mu_i) ~ N(B' w_i, Gamma), with w_i the row of the design, an intercept among
/// it; B | Gamma ~ matrix normal(B_0, A^-1, Gamma), Gamma ~ inverse Wishart(nu, V) [sect. 3.2].
namespace tenure::clv {

/// The prior: B_0 (K x 2), A (K x K, a precision) and V (2 x 2), row by row.
struct AbePrior {
  std::vector<double> mean, precision;
  double degrees = 0.0;  ///< nu > 1
  std::vector<double> scale;
};

/// log L(x, t_x, T | lambda, mu), whether and when the customer left integrated out, up to terms of
/// the data alone: x log lambda - (lambda + mu) t_x + log[(mu + lambda e^(-(lambda + mu)(T -
/// t_x))) / (lambda + mu)]. [Schmittlein et al. 1987; Abe 2009, eq. 3]
double abe_log_likelihood(double x, double t_x, double T, double lambda, double mu);

/// P(still a customer at T | x, t_x, T, lambda, mu). [Abe 2009, eq. 2] Without overflow for any
/// T - t_x.
double abe_probability_alive(double t_x, double T, double lambda, double mu);

/// Draws the population and the customers from their joint posterior. `design`: n x K, row by row.
/// The population's parameters are B, column by column, and Gamma_11, Gamma_21, Gamma_22.
///
/// The chain of the population is Markov by itself: Metropolis steps in (B, Gamma), everybody's
/// rates integrated out by quadrature, from proposals that learn in the warm-up. The customers
/// follow where a draw is kept, by steps of their own given the population: enough of them to
/// forget the population before [van Dyk & Jiao 2015, J. Computational and Graphical Statistics
/// 24:301-327 on steps where a draw would be]. `sweeps` counts steps of the population from draw to
/// draw. `log_likelihood` is that of (B, Gamma); with the population held, that of the rates. Cost:
/// 2 to 3 us a step and distinct customer (rows alike count once), and 2 us a customer and kept
/// draw. Memory: 8 (K + 30) bytes a customer and chain, and 24 a customer and kept draw. Same bits
/// for any thread count. Throws InvalidInput for rows that break the rules of RepeatPurchases, a
/// design that is not finite, a prior that is no density, options out of range.
IndividualDraws sample_abe(const RepeatPurchases& purchases, std::span<const double> design,
                           std::int64_t covariates, const AbePrior& prior,
                           const IndividualOptions& options, const Execution& execution);

/// P(alive) of each customer in each draw: draws x customers. And the purchases expected in (T, T +
/// horizon]: P(alive) lambda (1 - e^(-mu h)) / mu. [Abe 2009, eq. 4]
Buffer<double> abe_probabilities_alive(const KeptDraws& draws, const RepeatPurchases& purchases,
                                       const Execution& execution);
Buffer<double> abe_expected_purchases(const KeptDraws& draws, const RepeatPurchases& purchases,
                                      double horizon, const Execution& execution);

}  // namespace tenure::clv
