#pragma once
#include <cstdint>
#include <vector>

#include "tenure/clv/prepared.hpp"
#include "tenure/clv/prior.hpp"
#include "tenure/optim/nuts.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

struct PosteriorOptions {
  std::int64_t chains = 4, draws = 1000, warmup = 1000;
  double target_accept = 0.8;
  std::uint64_t seed = 0;
};

/// Draws of the logarithms of the parameters.
struct PosteriorDraws : optim::NutsDraws {
  std::vector<double> mode = {};  ///< of the density of the logarithms
  bool mode_found = false;        ///< whether Newton's method converged there
};

/// Samples prior times likelihood in the logarithms of the parameters: Newton's method finds the
/// mode, the chains start around it, twice as far apart as its curvature says, and the inverse
/// Hessian is the first metric of the No-U-Turn sampler. Same bits for any thread count; cost: see
/// optim/nuts.hpp. Throws InvalidInput for terms and options out of range.
PosteriorDraws sample_posterior(const PreparedLikelihood& likelihood,
                                const std::vector<PriorTerm>& prior,
                                const PosteriorOptions& options, const Execution& execution);

}  // namespace tenure::clv
