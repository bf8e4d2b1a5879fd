#include <pybind11/stl.h>

#include <tuple>
#include <vector>

#include "clv_posterior.hpp"
#include "clv_results.hpp"
#include "tenure/clv/abe.hpp"
#include "tenure/clv/pareto_ggg.hpp"

namespace tenure::python {
namespace {

/// chains, draws, warmup, kept, sweeps, seed, held.
using OptionsTuple = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                std::int64_t, std::uint64_t, std::vector<double>>;

clv::IndividualOptions options_of(const OptionsTuple& t) {
  const auto& [chains, draws, warmup, kept, sweeps, seed, held] = t;
  return {chains, draws, warmup, kept, sweeps, seed, held};
}

py::dict draws_to_python(clv::IndividualDraws&& draws) {
  py::dict d;
  d["population"] = release_to_numpy(std::move(draws.population));
  d["log_likelihood"] = release_to_numpy(std::move(draws.log_likelihood));
  d["acceptance"] = release_to_numpy(std::move(draws.acceptance));
  d["individual"] = release_to_numpy(std::move(draws.individual));
  d["lifetime"] = release_to_numpy(std::move(draws.lifetime));
  return d;
}

clv::KeptDraws kept_draws(const Column<double>& individual, std::int64_t rates,
                          const clv::RepeatPurchases& purchases) {
  const auto values = view(individual, "individual");
  const std::int64_t row = std::max<std::int64_t>(1, rates * purchases.rows());
  return {values, std::ssize(values) / row, rates, purchases.rows()};
}

}  // namespace

void add_individual_models(py::module_& m) {
  m.def(
      "abe_sample",
      [](const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
         const Column<double>& design, std::int64_t covariates, const std::vector<double>& mean,
         const std::vector<double>& precision, double degrees, const std::vector<double>& scale,
         const OptionsTuple& options, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto columns = view(design, "design");
        return draws_to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::sample_abe(purchases, columns, covariates, {mean, precision, degrees, scale},
                                 options_of(options), execution);
        }));
      },
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("design").noconvert(), py::arg("covariates"), py::arg("mean"), py::arg("precision"),
      py::arg("degrees"), py::arg("scale"), py::arg("options"), py::arg("threads"));
  m.def(
      "abe_probabilities_alive",
      [](const Column<double>& individual, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& age, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto draws = kept_draws(individual, 2, purchases);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::abe_probabilities_alive(draws, purchases, execution);
        }));
      },
      py::arg("individual").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("threads"));
  m.def(
      "abe_expected_purchases",
      [](const Column<double>& individual, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& age, double horizon, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto draws = kept_draws(individual, 2, purchases);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::abe_expected_purchases(draws, purchases, horizon, execution);
        }));
      },
      py::arg("individual").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("horizon"),
      py::arg("threads"));
  m.def(
      "individual_purchases",
      [](const Column<double>& individual, std::int64_t rates, const Column<double>& lifetime,
         const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
         double horizon, std::uint64_t seed, std::uint64_t first, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto draws = kept_draws(individual, rates, purchases);
        const auto times = view(lifetime, "lifetime");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::simulate_purchases(draws, times, purchases, horizon, seed, first, execution);
        }));
      },
      py::arg("individual").noconvert(), py::arg("rates"), py::arg("lifetime").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("horizon"), py::arg("seed"), py::arg("first"), py::arg("threads"));
  m.def(
      "pareto_ggg_sample",
      [](const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
         const Column<double>& log_gaps, const std::vector<PriorTuple>& prior,
         const OptionsTuple& options, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto gaps = view(log_gaps, "log_gaps");
        const auto terms = prior_terms(prior);
        return draws_to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::sample_pareto_ggg(purchases, gaps, terms, options_of(options), execution);
        }));
      },
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("log_gaps").noconvert(), py::arg("prior"), py::arg("options"), py::arg("threads"));
  m.def(
      "pareto_ggg_probabilities_alive",
      [](const Column<double>& individual, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& age, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto draws = kept_draws(individual, 3, purchases);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::pareto_ggg_probabilities_alive(draws, purchases, execution);
        }));
      },
      py::arg("individual").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("threads"));
  m.def(
      "pareto_ggg_log_likelihood",
      [](double x, double t_x, double T, double log_gaps, double lambda, double mu, double k) {
        return clv::pareto_ggg_log_likelihood({x, t_x, T, log_gaps}, {lambda, mu, k});
      },
      py::arg("x"), py::arg("t_x"), py::arg("T"), py::arg("log_gaps"), py::arg("lambda_"),
      py::arg("mu"), py::arg("k"));
  m.def(
      "abe_log_likelihood",
      [](double x, double t_x, double T, double lambda, double mu) {
        return clv::abe_log_likelihood(x, t_x, T, lambda, mu);
      },
      py::arg("x"), py::arg("t_x"), py::arg("T"), py::arg("lambda_"), py::arg("mu"));
}

}  // namespace tenure::python
