#pragma once
#include <pybind11/stl.h>

#include <string>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/clv/group_posterior.hpp"
#include "tenure/clv/posterior.hpp"

namespace tenure::python {

/// Family, its two settings, one weight a parameter, whether of their sum.
using PriorTuple = std::tuple<std::string, double, double, std::vector<double>, bool>;

std::vector<clv::PriorTerm> prior_terms(const std::vector<PriorTuple>& terms);
py::dict posterior_to_python(clv::PosteriorDraws&& draws);
py::dict group_posterior_to_python(clv::GroupPosteriorDraws&& draws);

/// chains, draws, warmup, target_accept, seed.
using PosteriorTuple = std::tuple<std::int64_t, std::int64_t, std::int64_t, double, std::uint64_t>;

inline clv::PosteriorOptions posterior_options(const PosteriorTuple& t) {
  const auto& [chains, draws, warmup, target_accept, seed] = t;
  return {chains, draws, warmup, target_accept, seed};
}

/// Prepares the likelihood and samples, without the GIL; `tell` hears of every draw.
template <class Prepare>
py::dict sample_posterior(const Prepare& prepare, const std::vector<PriorTuple>& prior,
                          const PosteriorTuple& options, const py::object& tell, int threads) {
  const auto terms = prior_terms(prior);
  return posterior_to_python(without_gil(
      threads,
      [&](const Execution& execution) {
        return clv::sample_posterior(prepare(execution), terms, posterior_options(options),
                                     execution);
      },
      tell));
}

/// The same for groups of customers, whose likelihoods `prepare(execution)` gives.
template <class Prepare>
py::dict sample_groups(const Prepare& prepare, const std::vector<PriorTuple>& population,
                       const std::vector<PriorTuple>& spread, const PosteriorTuple& options,
                       const py::object& tell, int threads) {
  clv::GroupModel model{{}, prior_terms(population), prior_terms(spread)};
  return group_posterior_to_python(without_gil(
      threads,
      [&](const Execution& execution) {
        model.groups = prepare(execution);
        return clv::sample_group_posterior(model, posterior_options(options), execution);
      },
      tell));
}

}  // namespace tenure::python
