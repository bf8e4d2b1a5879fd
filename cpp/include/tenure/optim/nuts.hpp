#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::optim {

/// Log of a density up to a constant, which writes its gradient too. Where it is not finite the
/// density counts as 0. Called from several threads at once.
using LogDensity = std::function<double(std::span<const double> point, std::span<double> gradient)>;

struct NutsOptions {
  std::int64_t draws = 1000;   ///< of each chain, > 0
  std::int64_t warmup = 1000;  ///< >= 0; adapts step size and metric, and is thrown away
  double target_accept = 0.8;  ///< mean acceptance that the step size aims at, in (0, 1)
  int max_depth = 10;          ///< at most 2^max_depth - 1 steps a draw
  bool dense = true;           ///< metric: all covariances, or the variances alone
  /// First guess of the covariance, n x n, positive definite, to which the estimates shrink.
  /// Empty: the identity, and the estimates shrink to their own diagonal.
  std::vector<double> covariance = {};
  /// By coordinate the number of its block: covariances between blocks count as 0, which many
  /// coordinates need, as a few hundred draws cannot tell all of them. Empty: all in one block.
  std::vector<std::int64_t> block = {};
  std::uint64_t seed = 0;
};

/// By chain, then by draw.
struct NutsDraws {
  std::vector<double> point;            ///< chains x draws x n
  std::vector<double> log_density;      ///< chains x draws
  std::vector<double> energy;           ///< chains x draws: of the trajectory, for the E-BFMI
  std::vector<std::int64_t> depth;      ///< chains x draws: doublings of the trajectory
  std::vector<std::uint8_t> divergent;  ///< chains x draws
  std::vector<double> step_size;        ///< by chain
  std::int64_t evaluations = 0;         ///< of the density, over all chains, warm-up included
};

/// Markov chains that leave the density invariant, by the No-U-Turn sampler [Hoffman & Gelman 2014,
/// JMLR 15:1593-1623], with multinomial sampling along the trajectory and the generalised criterion
/// of a U-turn, also across subtrees [Betancourt 2017, arXiv:1701.02434, app. A]. The step size
/// adapts by dual averaging [Hoffman & Gelman 2014, sect. 3.2], the metric in windows that double
/// in length [Stan Reference Manual, "Automatic parameter tuning"]. A trajectory whose energy is
/// off by more than 1,000 is divergent and ends.
///
/// One chain a start. A chain is a task and owns the random stream (seed, chain): same bits for any
/// thread count. Cost: evaluations of the density, about 3 to 7 a draw where the metric fits, plus
/// O(n^2) each; each draw, of the warm-up too, is a step of the execution. Throws InvalidInput for
/// options out of range and for a start of density 0.
NutsDraws nuts(const LogDensity& density, const std::vector<std::vector<double>>& starts,
               const NutsOptions& options, const Execution& execution);

}  // namespace tenure::optim
